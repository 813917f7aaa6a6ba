"""The in-memory twin of the index of what is due."""

from __future__ import annotations

from collections.abc import Iterator

from realtime_core.adapters.memory.connections import MemoryConnections
from realtime_core.adapters.memory.outage import Breakable
from realtime_core.domain.upkeep import Tended

PAGE = 200


class MemoryUpkeep(Breakable):
    """`Upkeep` in memory, beside the records that it looks after."""

    def __init__(self, connections: MemoryConnections) -> None:
        self._connections = connections

    def due(self, now: int) -> Iterator[list[Tended]]:
        """What is due, page by page, the longest overdue first."""
        self._reach()
        with self._connections.lock:
            found = [one for one in self._connections.tended.values() if one.due_at <= now]
        found.sort(key=lambda one: one.due_at)
        for start in range(0, len(found), PAGE):
            yield found[start : start + PAGE]

    def claim(self, record: Tended, until: int, *, ending: bool = False) -> bool:
        """Take a record on until a moment; False where it changed or somebody else has it."""
        self._reach()
        with self._connections.lock:
            known = self._connections.tended.get(record.connection_id)
            if known is None or (known.due_at, known.token_exp) != (record.due_at, record.token_exp):
                return False
            self._connections.tended[record.connection_id] = known._replace(due_at=until)
            if ending:
                self._connections.ending.add(record.connection_id)
            return True

    def settle(self, claimed_until: int, record: Tended) -> None:
        """Store what a record was sent and when it is due next."""
        self._reach()
        with self._connections.lock:
            known = self._connections.tended.get(record.connection_id)
            if known is not None:
                self._connections.tended[record.connection_id] = known._replace(
                    due_at=record.due_at if known.due_at == claimed_until else known.due_at,
                    warned_exp=record.warned_exp or known.warned_exp,
                    handed_over=record.handed_over or known.handed_over,
                )

    def count(self) -> int:
        """How many connections have a record."""
        self._reach()
        return len(self._connections.tended)
