"""Token buckets, with which API Gateway throttles: `rate` tokens per second, at most `burst` at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from local_cloud.gateway.clock import Clock


class RateLimit(NamedTuple):
    """Requests per second, and how many may come at once."""

    rate: float
    burst: float


# Per account and Region:
# docs.aws.amazon.com/apigateway/latest/developerguide/limits.html (HTTP, REST, WebSocket and callbacks share)
ACCOUNT_REQUESTS = RateLimit(10_000, 5_000)
# The developer guide's apigateway-execution-service-websocket-limits-table.html
ACCOUNT_CONNECTS = RateLimit(500, 500)


@dataclass(slots=True)
class _Bucket:
    limit: RateLimit
    tokens: float
    at: float


class Throttles:
    """All buckets of the account, by name; a bucket starts full, again after its limit changes."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets: dict[tuple[str, ...], _Bucket] = {}
        self.requests = ACCOUNT_REQUESTS
        self.connects = ACCOUNT_CONNECTS

    def allows_request(self) -> bool:
        """Take one of the requests that all APIs and `@connections` share; return whether there was one."""
        return self.allows(self.requests, "requests")

    def allows_connect(self) -> bool:
        """Take one of the account's new connections; return whether there was one."""
        return self.allows(self.connects, "connects")

    def allows(self, limit: RateLimit | None, *name: str) -> bool:
        """Take a token from the bucket `name`; return whether there was one, always without a limit."""
        if limit is None:
            return True
        now = self._clock.now()
        bucket = self._buckets.get(name)
        if bucket is None or bucket.limit != limit:
            bucket = self._buckets[name] = _Bucket(limit, limit.burst, now)
        bucket.tokens = min(limit.burst, bucket.tokens + (now - bucket.at) * limit.rate)
        bucket.at = now
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True
