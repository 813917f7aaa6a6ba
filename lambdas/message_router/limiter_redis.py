"""Token buckets in Redis: the same arithmetic as on DynamoDB, done by a script, so that it is exact."""

from __future__ import annotations

from typing import TYPE_CHECKING

from message_router.limits import Limit, microseconds, retry_after_ms
from realtime_core.errors import RateLimited
from realtime_core.redis.client import Breaker, Script
from realtime_core.redis.errors import RedisFault

if TYPE_CHECKING:
    from realtime_core.redis.client import RedisClient

PREFIX = "deals:l:"

# Whole microseconds since the epoch stay below 2^53 until the year 2255, so Lua's numbers hold them exactly.
TAKE = Script("""
-- KEYS: bucket; ARGV: now, interval, tolerance, in microseconds. Answers '' where a token was taken, else the
-- moment that stands against it.
local now, interval, tolerance = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local stands = redis.call('GET', KEYS[1])
local start = math.max(tonumber(stands or 0), now)
if start > now + tolerance then
  return stands
end
local after = start + interval
redis.call('SET', KEYS[1], string.format('%.0f', after), 'PX',
  string.format('%.0f', math.ceil((after - now) / 1000) + 60000))
return ''
""")


class RedisLimiter:
    """`Limiter` on Redis. Its client must have been given `TAKE`."""

    def __init__(self, client: RedisClient, breaker: Breaker | None = None) -> None:
        self._client = client
        self._breaker = breaker or Breaker()

    def take(self, bucket: str, limit: Limit, now: float) -> None:
        """Take a token (one script). Raises RateLimited where there is none.

        After a fault Redis is left alone for a while, so that not every action waits for it in vain.
        """
        if not self._breaker.allows():
            raise RedisFault(self._breaker.reason or "refused", "left alone after a fault")
        moment = microseconds(now)
        command = TAKE.call([PREFIX + bucket], [moment, limit.interval, limit.tolerance])
        try:
            [stands] = self._client.ask([command])
        except RedisFault as fault:
            self._breaker.failed(fault.reason)
            raise
        self._breaker.succeeded()
        if stands:
            raise RateLimited(retry_after_ms(int(stands), limit, moment))
