"""The in-memory twin of the reads that actions begin with."""

from __future__ import annotations

from realtime_core.adapters.memory.connections import MemoryConnections
from realtime_core.adapters.memory.health import MemoryHealth
from realtime_core.adapters.memory.history import MemoryHistory
from realtime_core.domain.health import Health
from realtime_core.domain.history import Horizon
from realtime_core.domain.model import Connection


class MemoryDoorstep:
    """`Doorstep` over twins; without `health` nobody keeps a health record."""

    def __init__(
        self, connections: MemoryConnections, history: MemoryHistory, health: MemoryHealth | None = None
    ) -> None:
        self._connections = connections
        self._history = history
        self._health = health

    def look(self, connection_id: str, now_s: int) -> tuple[Connection | None, Horizon]:
        """The record as last written, or None, and the horizon."""
        return self._connections.get(connection_id), self._history.horizon(now_s)

    def standing(self, connection_id: str) -> tuple[Connection | None, Health | None]:
        """The record as last written, or None, and the last report on Redis, or None."""
        return self._connections.get(connection_id), self._health.last() if self._health else None
