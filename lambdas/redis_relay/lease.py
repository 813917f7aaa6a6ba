"""The lease: who relays the channels. It is in Redis, whose order of execution decides everything."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from redis_relay.names import HANDOVER, LEASE, TOKEN

if TYPE_CHECKING:
    from redis.asyncio import Redis

# By a script and not by MULTI, which Redis refuses when it is out of memory.
_LOOK = """
local holder, ends = redis.call('HGET', KEYS[1], 'holder'), redis.call('HGET', KEYS[1], 'ends')
return { holder, ends, redis.call('GET', KEYS[2]) }
"""

# Takes the lease if it is still as it was seen (by whom, and which token was given out last), and publishes
# the marker in the same step. Tokens rise by the clock too, so a flushed Redis does not give one out twice.
_TAKE = f"""
local holder = redis.call('HGET', KEYS[1], 'holder') or ''
local last = redis.call('GET', KEYS[2]) or '0'
if holder ~= ARGV[2] or last ~= ARGV[3] then return false end
local time = redis.call('TIME')
local token = string.format('%.0f', math.max(tonumber(last) + 1, time[1] * 1000 + math.floor(time[2] / 1000)))
redis.call('SET', KEYS[2], token)
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'holder', ARGV[1], 'token', token, 'ends', ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
redis.call('PUBLISH', '{HANDOVER}', cjson.encode({{
  kind = 'taken', holder = ARGV[1], token = token, follows = holder ~= '' and holder ~= ARGV[1] }}))
return token
"""

_RENEW = f"""
if redis.call('HGET', KEYS[1], 'holder') ~= ARGV[1] or redis.call('HGET', KEYS[1], 'token') ~= ARGV[2] then
  return 0
end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('PUBLISH', '{HANDOVER}', cjson.encode({{ kind = 'beat', holder = ARGV[1] }}))
return 1
"""

_RELEASE = f"""
if redis.call('HGET', KEYS[1], 'holder') ~= ARGV[1] or redis.call('HGET', KEYS[1], 'token') ~= ARGV[2] then
  return 0
end
redis.call('DEL', KEYS[1])
redis.call('PUBLISH', '{HANDOVER}', cjson.encode({{ kind = 'released', holder = ARGV[1] }}))
return 1
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """The lease at one moment: by whom it is held (empty: by nobody), and the last token given out."""

    holder: str
    token: str
    ends: float
    """When its holder means to end, in epoch seconds."""


class Lease:
    """One invocation's view of the lease. `seconds` is how long it lasts unless it is renewed."""

    def __init__(self, redis: Redis, holder: str, seconds: float, ends: float) -> None:
        self._redis, self._holder, self._seconds, self._ends = redis, holder, seconds, ends
        self._token = ""
        self._trusted_until = 0.0

    @property
    def token(self) -> str:
        """The token that it was given last."""
        return self._token

    def trusted(self) -> bool:
        """Whether the lease is in force, judged by no other clock than our own."""
        return time.monotonic() < self._trusted_until

    async def look(self) -> Seen:
        """See who has it."""
        holder, ends, token = await self._call(_LOOK)
        return Seen((holder or b"").decode(), (token or b"0").decode(), float(ends or 0))

    async def take(self, seen: Seen) -> bool:
        """Take it, unless it is no longer as it was seen."""
        sent = time.monotonic()
        token = await self._call(
            _TAKE, self._holder, seen.holder, seen.token, repr(self._ends), self._milliseconds()
        )
        if token is None:
            return False
        self._token = token.decode()
        self._trust(sent)
        return True

    async def renew(self) -> bool:
        """Keep it; False where it is somebody else's, or nobody's."""
        sent = time.monotonic()
        if not await self._call(_RENEW, self._holder, self._token, self._milliseconds()):
            return False
        self._trust(sent)
        return True

    async def release(self) -> None:
        """Give it back; the own subscription hears of that."""
        await self._call(_RELEASE, self._holder, self._token)

    def _trust(self, sent: float) -> None:
        # Redis counts from when it executed the call, which is later; a tenth is for clocks of other speeds.
        self._trusted_until = sent + self._seconds * 0.9

    def _milliseconds(self) -> int:
        return int(self._seconds * 1000)

    async def _call(self, script: str, *arguments: Any) -> Any:
        return await self._redis.eval(script, 2, LEASE, TOKEN, *arguments)
