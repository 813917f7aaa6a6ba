"""The in-memory twin of the connections table."""

from __future__ import annotations

import threading

from realtime_core.adapters.memory.outage import Breakable
from realtime_core.adapters.policy import reachable_until, record_expires_at
from realtime_core.domain.lifetimes import CLOSE_AFTER_SECONDS
from realtime_core.domain.model import Connection, Recipient
from realtime_core.domain.upkeep import REFRESHED, Tended, newly_tended


class MemoryConnections(Breakable):
    """`Connections` in memory. `lock` guards `records` and whatever must agree with them.

    `tended` is when to look at each, `ending` which of them are being closed.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.records: dict[str, Connection] = {}
        self.tended: dict[str, Tended] = {}
        self.ending: set[str] = set()

    def add(self, connection: Connection) -> None:
        """Store a new connection."""
        self._reach()
        with self.lock:
            self.records[connection.connection_id] = connection
            self.tended[connection.connection_id] = newly_tended(
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
