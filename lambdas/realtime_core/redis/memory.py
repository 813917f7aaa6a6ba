"""The in-memory adapter of the health record."""

from __future__ import annotations

from realtime_core.in_memory import InMemoryAdapter
from realtime_core.redis.health import Health


class MemoryHealth(InMemoryAdapter):
    """`HealthRecord` in memory."""

    def __init__(self) -> None:
        self.record: Health | None = None

    def report(self, health: Health) -> None:
        """Record the state of Redis."""
        self._reach()
        self.record = health

    def last(self) -> Health | None:
        """The last report, or None."""
        self._reach()
        return self.record
