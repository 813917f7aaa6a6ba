"""Maintenance of the stream and its consumer group: creates, trims and measures them.

Scripts do what looks at the stream before it changes it: nothing can happen between the two.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, cast

from redis.exceptions import ResponseError

from redis_relay.settings import GROUP, STREAM

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from redis.asyncio import Redis

# XTRIM MINID removes entries below an id. A group needs its oldest pending entry and everything after it, or,
# if none is pending, everything after the last delivered one.
_TRIM = """
local bound, ours = ARGV[1], false
local function below(a, b)
  local ams, aseq = string.match(a, '(%d+)-(%d+)')
  local bms, bseq = string.match(b, '(%d+)-(%d+)')
  if #ams ~= #bms then return #ams < #bms end
  if ams ~= bms then return ams < bms end
  if #aseq ~= #bseq then return #aseq < #bseq end
  return aseq < bseq
end
for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local is = {}
  for i = 1, #group, 2 do is[group[i]] = group[i + 1] end
  local pending = redis.call('XPENDING', KEYS[1], is['name'])
  local needed = pending[1] > 0 and pending[2] or is['last-delivered-id']
  if below(needed, bound) then bound = needed end
  ours = ours or is['name'] == ARGV[2]
end
-- Our group is missing: it will be created again, and reads from the beginning.
if not ours then return 0 end
return redis.call('XTRIM', KEYS[1], 'MINID', bound)
"""

# Deleting a consumer deletes its pending entries, so only consumers without any are deleted.
_DELETE_CONSUMERS = """
local deleted = 0
for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local is = {}
  for i = 1, #consumer, 2 do is[consumer[i]] = consumer[i + 1] end
  local meant = is['name'] == ARGV[3] or (ARGV[3] == '' and is['idle'] >= tonumber(ARGV[2]))
  if meant and is['pending'] == 0 then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], is['name'])
    deleted = deleted + 1
  end
end
return deleted
"""


async def ensure_group(redis: Redis) -> None:
    """Create the group and the stream if they are missing; the group begins with the first entry."""
    try:
        await redis.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
    except ResponseError as error:
        if not str(error).startswith("BUSYGROUP"):
            raise


def is_group_missing(error: ResponseError) -> bool:
    """Whether Redis refused a command because the group, or its stream, was flushed or deleted.

    A reader that was blocked at that moment gets UNBLOCKED.
    """
    return any(sign in str(error) for sign in ("NOGROUP", "UNBLOCKED", "no such key"))


async def trim(redis: Redis, keep_seconds: float) -> int:
    """Remove the entries older than this that every group has processed. Returns how many.

    Raises ResponseError if there is no stream.
    """
    oldest_kept = f"{max(0, int((time.time() - keep_seconds) * 1000))}-0"
    return int(await cast("Awaitable[str]", redis.eval(_TRIM, 1, STREAM, oldest_kept, GROUP)))


async def delete_idle_consumers(redis: Redis, idle_seconds: float) -> int:
    """Delete our group's consumers that have been idle for this long and have nothing pending."""
    call = redis.eval(_DELETE_CONSUMERS, 1, STREAM, GROUP, str(int(idle_seconds * 1000)), "")
    return int(await cast("Awaitable[str]", call))


async def delete_consumer(redis: Redis, consumer: str) -> bool:
    """Delete one consumer of our group, unless it has pending entries."""
    call = redis.eval(_DELETE_CONSUMERS, 1, STREAM, GROUP, "0", consumer)
    return bool(await cast("Awaitable[str]", call))


async def stream_lag(redis: Redis) -> float:
    """The age, in seconds, of the oldest entry that our group has not processed."""
    for group in await redis.xinfo_groups(STREAM):
        if group["name"] != GROUP.encode():
            continue
        if group["pending"]:
            oldest = (await redis.xpending(STREAM, GROUP))["min"]
        else:
            unread = await redis.xrange(STREAM, "(" + group["last-delivered-id"].decode(), "+", 1)
            oldest = unread[0][0] if unread else None
        if oldest is not None:
            return max(0.0, time.time() - int(oldest.partition(b"-")[0]) / 1000)
    return 0.0
