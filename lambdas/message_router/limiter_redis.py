"""Token buckets in Redis: a script does the same arithmetic as on DynamoDB, atomically."""

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
-- KEYS: bucket; ARGV: now, interval, tolerance, in microseconds. Returns '' if a token was taken, else the
-- time at which the bucket is full again.
local now, interval, tolerance = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local full_at = redis.call('GET', KEYS[1])
local start = math.max(tonumber(full_at or 0), now)
if start > now + tolerance then
  return full_at
end
local after = start + interval
redis.call('SET', KEYS[1], string.format('%.0f', after), 'PX',
  string.format('%.0f', math.ceil((after - now) / 1000) + 60000))
return ''
""")


class RedisLimiter:
    """`Limiter` on Redis. Its client must have loaded the script `TAKE`."""

    def __init__(self, client: RedisClient, breaker: Breaker | None = None) -> None:
        self._client = client
        self._breaker = breaker or Breaker()

    def take(self, bucket: str, limit: Limit, now: float) -> None:
        """Take a token (one script). Raises RateLimited if there is none, RedisFault if Redis fails.

        After a fault no action calls Redis for a while: each would wait for its timeout.
        """
        if not self._breaker.allows():
            raise RedisFault(self._breaker.reason or "refused", "left alone after a fault")

        now_us = microseconds(now)
        command = TAKE.call([PREFIX + bucket], [now_us, limit.interval, limit.tolerance])
        try:
            [bucket_full_at] = self._client.ask([command])
        except RedisFault as fault:
            self._breaker.failed(fault.reason)
            raise
        self._breaker.succeeded()

        if bucket_full_at:
            raise RateLimited(retry_after_ms(int(bucket_full_at), limit, now_us))
