"""In-memory adapters of the connections table and of its schedule."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

from realtime_core.auth.permissions import UNRESTRICTED, Permissions
from realtime_core.connections.base import (
    Connection,
    Recipient,
    RecordChanged,
    reachable_until,
    record_expires_at,
)
from realtime_core.connections.schedule import (
    REFRESHED,
    Place,
    ScheduledConnection,
    first_schedule,
    place_of,
)
from realtime_core.ids import shard_of
from realtime_core.in_memory import InMemoryAdapter
from realtime_core.lifetimes import CLOSE_AFTER_SECONDS


class MemoryConnections(InMemoryAdapter):
    """`Connections` in memory.

    `lock` guards `records` and everything that must agree with them: `schedule` by connection id, and
    `ending`, the ids of connections that the janitor is closing.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.records: dict[str, Connection] = {}
        self.schedule: dict[str, ScheduledConnection] = {}
        self.ending: set[str] = set()

    def add(self, connection: Connection) -> None:
        """Store a new connection."""
        self._reach()
        with self.lock:
            self.records[connection.connection_id] = connection
            self.schedule[connection.connection_id] = first_schedule(
                connection.connection_id, connection.connected_at, connection.token_exp
            )

    def get(self, connection_id: str) -> Connection | None:
        """The record of a connection, or None."""
        self._reach()
        return self.records.get(connection_id)

    def get_all(self, connection_ids: Sequence[str]) -> list[Connection]:
        """The records of distinct connections, without unknown ones."""
        self._reach()
        return [record for item in connection_ids if (record := self.records.get(item)) is not None]

    def remove(self, connection_id: str, *, known: Connection | None = None) -> Connection | None:
        """Delete a record and return it, or None if there was none. Raises RecordChanged."""
        self._reach()
        with self.lock:
            record = self.records.get(connection_id)
            if record is not None and known is not None and _places(record) != _places(known):
                raise RecordChanged(record)
            self.schedule.pop(connection_id, None)
            self.ending.discard(connection_id)
            return self.records.pop(connection_id, None)

    def of_user(self, user_id: str) -> list[Recipient]:
        """All connections of a user."""
        self._reach()
        with self.lock:
            return [
                Recipient(
                    record.connection_id,
                    reachable_until(record.token_exp, record_expires_at(record)),
                    record.connected_at,
                )
                for record in self.records.values()
                if record.user_id == user_id
            ]

    def count_of_user(self, user_id: str, now: int) -> int:
        """How many connections of a user are open."""
        self._reach()
        with self.lock:
            return sum(
                record.user_id == user_id
                and record_expires_at(record) > now
                and record.token_exp > now - CLOSE_AFTER_SECONDS
                for record in self.records.values()
            )

    def online(self, user_ids: Sequence[str], now: int) -> set[str]:
        """Which of these users have an open connection."""
        return {user_id for user_id in user_ids if self.count_of_user(user_id, now)}

    def extend(
        self,
        connection_id: str,
        token_exp: int,
        issued_at: int = 0,
        token_id: str | None = None,
        *,
        permissions: Permissions = UNRESTRICTED,
        due_at: int = REFRESHED,
        instead_of: Connection | None = None,
    ) -> Connection | None:
        """Extend the connection to a newer token's expiry; the record after it, or None."""
        self._reach()
        with self.lock:
            record = self.records.get(connection_id)
            if record is None or connection_id in self.ending:
                return None
            if record.token_exp < token_exp if instead_of is None else _token(record) == _token(instead_of):
                record = self.records[connection_id] = record._replace(
                    token_exp=token_exp, issued_at=issued_at, token_id=token_id, permissions=permissions
                )
                scheduled = self.schedule[connection_id]
                self.schedule[connection_id] = scheduled._replace(token_exp=token_exp, due_at=due_at)
            return record


def _places(record: Connection) -> set[tuple[str, str, int]]:
    """Where a connection's memberships are."""
    return {(item.topic, item.group_id, item.shard) for item in record.subscriptions.values()}


def _token(record: Connection) -> tuple[int, int, str | None]:
    return record.token_exp, record.issued_at, record.token_id


PAGE = 200


class MemorySchedule(InMemoryAdapter):
    """`Schedule` in memory, over the records of `MemoryConnections`."""

    def __init__(self, connections: MemoryConnections, partitions: int = 2) -> None:
        self._connections = connections
        self.partitions = partitions

    def due(
        self, partition: int, now: int, after: Place | None = None
    ) -> Iterator[list[ScheduledConnection]]:
        """The records of a partition that are due, page by page, the longest overdue first."""
        self._reach()
        due = [
            record
            for record in self._ordered(partition)
            if record.due_at <= now and (after is None or place_of(record) > after)
        ]
        for start in range(0, len(due), PAGE):
            yield due[start : start + PAGE]

    def walk(
        self, partition: int, now: int, after: Place | None, limit: int
    ) -> tuple[list[ScheduledConnection], Place | None]:
        """Up to `limit` records that are not due, in order, and the place to go on from; None at the end."""
        self._reach()
        waiting = [
            record
            for record in self._ordered(partition)
            if record.due_at > now and (after is None or place_of(record) > after)
        ]
        page = waiting[:limit]
        return page, place_of(page[-1]) if len(waiting) > limit else None

    def claim(self, record: ScheduledConnection, until: int) -> bool:
        """Claim a record to close its connection; False if it has changed or another run has claimed it."""
        self._reach()
        with self._connections.lock:
            known = self._connections.schedule.get(record.connection_id)
            if known is None or (known.due_at, known.token_exp) != (record.due_at, record.token_exp):
                return False
            self._connections.schedule[record.connection_id] = known._replace(due_at=until)
            self._connections.ending.add(record.connection_id)
            return True

    def settle(self, was_due_at: int, record: ScheduledConnection) -> None:
        """Store the frames sent and the next due time of a record."""
        self._reach()
        with self._connections.lock:
            known = self._connections.schedule.get(record.connection_id)
            if known is not None:
                self._connections.schedule[record.connection_id] = known._replace(
                    due_at=record.due_at if known.due_at == was_due_at else known.due_at,
                    warned_exp=record.warned_exp or known.warned_exp,
                    handed_over=record.handed_over or known.handed_over,
                )

    def count(self, partition: int) -> int:
        """How many connections have a record in a partition."""
        self._reach()
        return len(self._ordered(partition))

    def _ordered(self, partition: int) -> list[ScheduledConnection]:
        with self._connections.lock:
            records = [
                record
                for record in self._connections.schedule.values()
                if shard_of(record.connection_id, self.partitions) == partition
            ]
        return sorted(records, key=place_of)
