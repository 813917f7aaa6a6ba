"""In-memory twins of the limiter and of the connection lookup."""

from __future__ import annotations

import threading

from message_router.limits import Limit, full_at, microseconds, retry_after_ms
from realtime_core.connections.base import Connection
from realtime_core.connections.memory import MemoryConnections
from realtime_core.errors import RateLimited
from realtime_core.history.base import StreamBounds
from realtime_core.history.memory import MemoryHistory
from realtime_core.in_memory import InMemoryAdapter
from realtime_core.redis.health import Health
from realtime_core.redis.memory import MemoryHealth


class MemoryLimiter(InMemoryAdapter):
    """`Limiter` in memory: `moments` maps each bucket to the time at which it is full again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.moments: dict[str, int] = {}

    def take(self, bucket: str, limit: Limit, now: float) -> None:
        """Take a token. Raises RateLimited if there is none."""
        self._reach()
        now_us = microseconds(now)
        with self._lock:
            before = self.moments.get(bucket)
            after = full_at(before, limit, now_us)
            if after is None:
                assert before is not None, "a bucket that was never used has a token"  # noqa: S101
                raise RateLimited(retry_after_ms(before, limit, now_us))
            self.moments[bucket] = after


class MemoryConnectionLookup:
    """`ConnectionLookup` on the other twins; without `health` there is no health record."""

    def __init__(
        self, connections: MemoryConnections, history: MemoryHistory, health: MemoryHealth | None = None
    ) -> None:
        self._connections = connections
        self._history = history
        self._health = health

    def connection_and_bounds(self, connection_id: str, now_s: int) -> tuple[Connection | None, StreamBounds]:
        """Return the record as last written, or None, and the bounds."""
        return self._connections.get(connection_id), self._history.bounds(now_s)

    def connection_and_health(self, connection_id: str) -> tuple[Connection | None, Health | None]:
        """Return the record as last written, or None, and the last report on Redis, or None."""
        return self._connections.get(connection_id), self._health.last() if self._health else None
