"""In-memory twins of the connections table and of its index of what is due."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from realtime_core.connections.base import Connection, Recipient, reachable_until, record_expires_at
from realtime_core.connections.schedule import REFRESHED, ScheduledConnection, first_schedule
from realtime_core.in_memory import InMemoryAdapter
from realtime_core.lifetimes import CLOSE_AFTER_SECONDS


class MemoryConnections(InMemoryAdapter):
    """`Connections` in memory. `lock` guards `records` and whatever must agree with them.

    `tended` is when to look at each, `ending` which of them are being closed.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.records: dict[str, Connection] = {}
        self.tended: dict[str, ScheduledConnection] = {}
        self.ending: set[str] = set()

    def add(self, connection: Connection) -> None:
        """Store a new connection."""
        self._reach()
        with self.lock:
            self.records[connection.connection_id] = connection
            self.tended[connection.connection_id] = first_schedule(
                connection.connection_id, connection.connected_at, connection.token_exp
            )

    def get(self, connection_id: str) -> Connection | None:
        """The record as last written, or None."""
        self._reach()
        return self.records.get(connection_id)

    def remove(self, connection_id: str) -> Connection | None:
        """Delete the record and return it as it was, or None."""
        self._reach()
        with self.lock:
            self.tended.pop(connection_id, None)
            self.ending.discard(connection_id)
            return self.records.pop(connection_id, None)

    def of_user(self, user_id: str) -> list[Recipient]:
        """Every connection of a user."""
        self._reach()
        with self.lock:
            return [
                Recipient(one.connection_id, reachable_until(one.token_exp, record_expires_at(one)))
                for one in self.records.values()
                if one.user_id == user_id
            ]

    def count_of_user(self, user_id: str, now: int) -> int:
        """How many connections of a user are open."""
        self._reach()
        with self.lock:
            return sum(
                one.user_id == user_id
                and record_expires_at(one) > now
                and one.token_exp > now - CLOSE_AFTER_SECONDS
                for one in self.records.values()
            )

    def extend(
        self, connection_id: str, token_exp: int, issued_at: int = 0, token_id: str | None = None
    ) -> Connection | None:
        """Let it live by a newer token, never by one that ends sooner; the record after it, or None."""
        self._reach()
        with self.lock:
            record = self.records.get(connection_id)
            if record is None or connection_id in self.ending:
                return None
            if record.token_exp < token_exp:
                record = self.records[connection_id] = record._replace(
                    token_exp=token_exp, issued_at=issued_at, token_id=token_id
                )
                tended = self.tended[connection_id]
                self.tended[connection_id] = tended._replace(token_exp=token_exp, due_at=REFRESHED)
            return record


PAGE = 200


class MemorySchedule(InMemoryAdapter):
    """`Schedule` in memory, beside the records that it looks after."""

    def __init__(self, connections: MemoryConnections) -> None:
        self._connections = connections

    def due(self, now: int) -> Iterator[list[ScheduledConnection]]:
        """What is due, page by page, the longest overdue first."""
        self._reach()
        with self._connections.lock:
            found = [one for one in self._connections.tended.values() if one.due_at <= now]
        found.sort(key=lambda one: one.due_at)
        for start in range(0, len(found), PAGE):
            yield found[start : start + PAGE]

    def claim(self, record: ScheduledConnection, until: int, *, ending: bool = False) -> bool:
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

    def settle(self, claimed_until: int, record: ScheduledConnection) -> None:
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
