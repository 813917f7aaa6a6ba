"""The in-memory twin of the limits table."""

from __future__ import annotations

import threading

from realtime_core.adapters.memory.outage import Breakable
from realtime_core.domain.limits import Limit, full_at, microseconds, retry_after_ms
from realtime_core.errors import RateLimited


class MemoryLimiter(Breakable):
    """`Limiter` in memory: `moments` is when each bucket is full again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.moments: dict[str, int] = {}

    def take(self, bucket: str, limit: Limit, now: float) -> None:
        """Take a token. Raises RateLimited where there is none."""
        self._reach()
        moment = microseconds(now)
        with self._lock:
            stands = self.moments.get(bucket)
            after = full_at(stands, limit, moment)
            if after is None:
                assert stands is not None, "a bucket that was never used has a token"  # noqa: S101
                raise RateLimited(retry_after_ms(stands, limit, moment))
            self.moments[bucket] = after
