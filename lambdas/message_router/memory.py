"""In-memory adapters of the limiter and of the connection lookup."""

from __future__ import annotations

import threading

from message_router.limits import Limit, check_tokens, full_at, microseconds, retry_after_ms
from realtime_core.connections.base import Connection
from realtime_core.connections.memory import MemoryConnections
from realtime_core.errors import RateLimited
from realtime_core.history.memory import MemoryHistory
from realtime_core.in_memory import InMemoryAdapter
from realtime_core.redis.health import Health
from realtime_core.redis.memory import MemoryHealth
from realtime_core.started_call import StartedCall


class MemoryLimiter(InMemoryAdapter):
    """`Limiter` in memory; `full_at` has the time of each bucket, in epoch microseconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.full_at: dict[str, int] = {}
        self._marked_until: dict[str, int] = {}

    def check(self, bucket: str, limit: Limit, now: float) -> None:
        """Raise RateLimited if there is no token."""
        check_tokens(self.full_at.get(bucket), limit, microseconds(now))

    def take(self, bucket: str, limit: Limit, now: float) -> int:
        """Take a token; returns until when the bucket is marked. Raises RateLimited if there is none."""
        self._reach()
        now_us = microseconds(now)
        with self._lock:
            stored = self.full_at.get(bucket)
            after = full_at(stored, limit, now_us)
            if after is None:
                assert stored is not None, "a bucket that was never used has a token"  # noqa: S101
                raise RateLimited(retry_after_ms(stored, limit, now_us))
            self.full_at[bucket] = after
            return self._marked_until.get(bucket, 0)

    def mark(self, bucket: str, until: int) -> None:
        """Mark a bucket until a time."""
        self._reach()
        with self._lock:
            self._marked_until[bucket] = until


class MemoryConnectionLookup:
    """`ConnectionLookup` over in-memory adapters; without `health` there is no health record."""

    def __init__(
        self, connections: MemoryConnections, history: MemoryHistory, health: MemoryHealth | None = None
    ) -> None:
        self._connections = connections
        self._history = history
        self._health = health

    def start_record(self, connection_id: str) -> StartedCall[tuple[Connection | None, None]]:
        """The connection's record, or None, and nothing else."""
        return StartedCall(lambda: (self._connections.get(connection_id), None))

    def start_newest(self, connection_id: str) -> StartedCall[tuple[Connection | None, int]]:
        """The connection's record, or None, and the newest position of the history."""
        return StartedCall(lambda: (self._connections.get(connection_id), self._history.bounds().newest))

    def start_health(self, connection_id: str) -> StartedCall[tuple[Connection | None, Health | None]]:
        """The connection's record, or None, and the last health report of Redis, or None."""
        return StartedCall(
            lambda: (self._connections.get(connection_id), self._health.last() if self._health else None)
        )
