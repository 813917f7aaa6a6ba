"""Connections: who is connected, until when each may be posted to, and the port of the records.

Times are whole epoch seconds unless a name says otherwise. Values are named tuples, here and in whatever a
cold start loads: docs/adr/0009-cold-starts-load-no-dataclasses.md.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from realtime_core.lifetimes import CONNECTION_LIFETIME_SECONDS

_NONE: Mapping[str, Any] = MappingProxyType({})


class Subscription(NamedTuple):
    """What one connection wants of one topic, and where its membership is stored."""

    topic: str
    filter: str
    """The canonical JSON of the filter."""
    group_id: str
    shard: int


class Connection(NamedTuple):
    """The record of one open WebSocket connection."""

    connection_id: str
    user_id: str
    connected_at: int
    token_exp: int
    subscriptions: Mapping[str, Subscription] = _NONE
    """By topic."""
    issued_at: int = 0
    """`iat` of the token that the connection lives by; 0, before everything, where that is not known."""
    token_id: str | None = None
    """Its `jti`, where it has one."""


class Recipient(NamedTuple):
    """A connection that something may be posted to, until `token_exp`."""

    connection_id: str
    token_exp: int


RECORD_MARGIN_SECONDS = 10 * 60
"""How long a record outlives the longest connection, so that what comes late still finds it."""


def record_expires_at(connection: Connection) -> int:
    """When the record, and every membership of the connection, may be swept."""
    return connection.connected_at + CONNECTION_LIFETIME_SECONDS + RECORD_MARGIN_SECONDS


def reachable_until(token_exp: int, expires_at: int) -> int:
    """Until when a connection may be posted to: its token's end or, sooner, its record's.

    DynamoDB sweeps up to two days late, so by a token of days the dead would be posted to for that long.
    """
    return min(token_exp, expires_at)


class ConnectionCounts(Protocol):
    """How many are connected."""

    def count_of_user(self, user_id: str, now: int) -> int:
        """How many connections of a user are open (one query; may lag a connect by a moment)."""


class Connections(ConnectionCounts, Protocol):
    """The record of who is connected. One item a connection, found by its id or its user."""

    def add(self, connection: Connection) -> None:
        """Store a new connection (one write, no read)."""

    def get(self, connection_id: str) -> Connection | None:
        """The record as last written (one consistent read), or None."""

    def remove(self, connection_id: str) -> Connection | None:
        """Delete the record and return it as it was (one write), or None if there was none."""

    def of_user(self, user_id: str) -> list[Recipient]:
        """Every connection of a user (one query; may lag a connect by a moment)."""

    def extend(
        self, connection_id: str, token_exp: int, issued_at: int = 0, token_id: str | None = None
    ) -> Connection | None:
        """Let it live by a newer token (one write); the record after it, or None if there is none.

        `token_exp` moves forward, never back: of two tokens that cross, the one that lives longer stays.
        None too for a connection that the janitor is closing.
        """
