"""The in-memory twin of the read that a new subscription begins with."""

from __future__ import annotations

from realtime_core.adapters.memory.connections import MemoryConnections
from realtime_core.adapters.memory.history import MemoryHistory
from realtime_core.domain.history import Horizon
from realtime_core.domain.model import Connection


class MemoryDoorstep:
    """`Doorstep` over two twins."""

    def __init__(self, connections: MemoryConnections, history: MemoryHistory) -> None:
        self._connections = connections
        self._history = history

    def look(self, connection_id: str, now_s: int) -> tuple[Connection | None, Horizon]:
        """The record as last written, or None, and the horizon."""
        return self._connections.get(connection_id), self._history.horizon(now_s)
