"""The stream's upkeep, as scripts: nothing can happen between what they look at and what they do."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, cast

from redis_relay.names import GROUP, STREAM

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from redis.asyncio import Redis

# XTRIM MINID removes what is below an id. Of each group that is what comes before its oldest pending entry,
# or up to the last one that was delivered, where none is pending.
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
-- A group that is made anew begins at the beginning.
if not ours then return 0 end
return redis.call('XTRIM', KEYS[1], 'MINID', bound)
"""

# Deleting a consumer deletes what is pending for it, so only those go that have nothing.
_DISMISS = """
local gone = 0
for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local is = {}
  for i = 1, #consumer, 2 do is[consumer[i]] = consumer[i + 1] end
  local meant = is['name'] == ARGV[3] or (ARGV[3] == '' and is['idle'] >= tonumber(ARGV[2]))
  if meant and is['pending'] == 0 then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], is['name'])
    gone = gone + 1
  end
end
return gone
"""


async def trim(redis: Redis, keep_seconds: float) -> int:
    """Remove the entries that every group is done with and that are older than this; how many those were.

    Raises ResponseError where there is no stream.
    """
    oldest_kept = f"{max(0, int((time.time() - keep_seconds) * 1000))}-0"
    return int(await cast("Awaitable[str]", redis.eval(_TRIM, 1, STREAM, oldest_kept, GROUP)))


async def dismiss_idle(redis: Redis, idle_seconds: float) -> int:
    """Remove the consumers of our group that have been silent for so long, and have nothing pending."""
    call = redis.eval(_DISMISS, 1, STREAM, GROUP, str(int(idle_seconds * 1000)), "")
    return int(await cast("Awaitable[str]", call))


async def dismiss(redis: Redis, consumer: str) -> bool:
    """Remove one consumer of our group, unless something is pending for it."""
    return bool(await cast("Awaitable[str]", redis.eval(_DISMISS, 1, STREAM, GROUP, "0", consumer)))
