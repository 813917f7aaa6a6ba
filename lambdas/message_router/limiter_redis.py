"""Token buckets in Redis: the same arithmetic as on DynamoDB, in a script, so that it is atomic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from message_router.limits import Limit, microseconds, retry_after_ms
from realtime_core.errors import RateLimited
from realtime_core.lifetimes import CONNECTION_LIFETIME_SECONDS
from realtime_core.redis.circuit_breaker import CircuitBreaker
from realtime_core.redis.client import Script
from realtime_core.redis.errors import RedisFault

if TYPE_CHECKING:
    from realtime_core.redis.client import Command, RedisClient

PREFIX = "deals:l:"
MARKED = "#marked"
MARK_SECONDS = CONNECTION_LIFETIME_SECONDS
"""How long a mark is kept: a connection lives no longer."""

# Microseconds since the epoch stay below 2^53 until the year 2255, so Lua's numbers represent them exactly.
TAKE = Script("""
-- KEYS: bucket, its mark; ARGV: now, interval, tolerance, in microseconds. Returns '' if a token was taken,
-- else the time of the bucket; and until when it is marked, or ''.
local now, interval, tolerance = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local stored = redis.call('GET', KEYS[1])
local start = math.max(tonumber(stored or 0), now)
if start > now + tolerance then
  return {stored, ''}
end
local after = start + interval
redis.call('SET', KEYS[1], string.format('%.0f', after), 'PX',
  string.format('%.0f', math.ceil((after - now) / 1000) + 60000))
return {'', redis.call('GET', KEYS[2]) or ''}
""")


class RedisLimiter:
    """`Limiter` on Redis, with a client that was created with the script `TAKE`."""

    def __init__(self, client: RedisClient, breaker: CircuitBreaker | None = None) -> None:
        self._client = client
        self._breaker = breaker or CircuitBreaker()

    def check(self, bucket: str, limit: Limit, now: float) -> None:
        """Do nothing: the script that takes a token costs no more than it would cost to remember buckets."""

    def take(self, bucket: str, limit: Limit, now: float) -> int:
        """Take a token (one script); returns until when the bucket is marked. Raises RateLimited, RedisFault.

        After a fault the circuit breaker fails fast, so that not every action waits for Redis.
        """
        now_us = microseconds(now)
        keys = [PREFIX + bucket, PREFIX + bucket + MARKED]
        stored, marked_until = self._execute(TAKE.call(keys, [now_us, limit.interval, limit.tolerance]))
        if stored:
            raise RateLimited(retry_after_ms(int(stored), limit, now_us))
        return int(marked_until or 0)

    def mark(self, bucket: str, until: int) -> None:
        """Mark a bucket until a time (one command). Raises RedisFault."""
        self._execute(("SET", PREFIX + bucket + MARKED, until, "EX", MARK_SECONDS))

    def _execute(self, command: Command) -> Any:
        """Return the reply to a command, unless the circuit breaker is open. Raises RedisFault."""
        if not self._breaker.allows_request():
            raise RedisFault(self._breaker.reason or "refused", "not called after a fault")
        try:
            [reply] = self._client.execute([command])
        except RedisFault as fault:
            self._breaker.record_failure(fault.reason)
            raise
        self._breaker.record_success()
        return reply
