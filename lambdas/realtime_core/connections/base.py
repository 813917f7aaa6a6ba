"""Connections: their records, how long each can be posted to, and the port of the table.

Times are whole epoch seconds unless a name says otherwise. Values are named tuples, as in every module that a
cold start loads: docs/adr/0009-cold-starts-load-no-dataclasses.md.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from realtime_core.auth.permissions import UNRESTRICTED, Permissions
from realtime_core.connections.schedule import REFRESHED
from realtime_core.lifetimes import CONNECTION_LIFETIME_SECONDS, HANDSHAKE_SECONDS_MAX

_NONE: Mapping[str, Any] = MappingProxyType({})


class Subscription(NamedTuple):
    """A connection's subscription to one topic, and where its membership is stored."""

    topic: str
    filter: str
    """The canonical JSON of the filter."""
    group_id: str
    shard: int
    received_ms: int = 0
    """When API Gateway received the request that is in force, epoch milliseconds; 0 if it is unknown."""


class Connection(NamedTuple):
    """The record of one open WebSocket connection."""

    connection_id: str
    user_id: str
    connected_at: int
    token_exp: int
    subscriptions: Mapping[str, Subscription] = _NONE
    """By topic."""
    issued_at: int = 0
    """`iat` of the connection's current token; 0 if it is unknown."""
    token_id: str | None = None
    """`jti` of the connection's current token, if it has one."""
    unsubscribed: Mapping[str, int] = _NONE
    """When the latest unsubscribes were received, epoch milliseconds, by topic: a few, and only of topics
    without a subscription. An earlier request that is worked off later compares itself with them."""
    unsubscribed_before: int = 0
    """No unsubscribe that `unsubscribed` no longer has was received later than this, epoch milliseconds."""
    filter_bytes: int | None = 0
    """The size of all filters as the store counts it; None if it has not been counted."""
    permissions: Permissions = UNRESTRICTED
    """Of the connection's current token."""


class RecordChanged(Exception):
    """A record was not removed: its subscriptions are no longer those that the caller knew."""

    def __init__(self, record: Connection) -> None:
        super().__init__(f"the subscriptions of connection {record.connection_id} have changed")
        self.record = record


class Recipient(NamedTuple):
    """A connection that can be posted to until `token_exp`."""

    connection_id: str
    token_exp: int
    connected_at: int = 0
    """0 if it is unknown, for one that was open before."""


RECORD_MARGIN_SECONDS = 10 * 60
"""How long a record outlives the longest connection, so that late events still find it."""


def record_expires_at(connection: Connection) -> int:
    """When the record and the memberships of a connection expire."""
    return connection.connected_at + CONNECTION_LIFETIME_SECONDS + RECORD_MARGIN_SECONDS


def connected_at_of(expires_at: int) -> int:
    """When a connection was made, by `record_expires_at`: for an index that has only the expiry."""
    return expires_at - CONNECTION_LIFETIME_SECONDS - RECORD_MARGIN_SECONDS


def is_opening(connected_at: int, now: int) -> bool:
    """Whether a connection may still be in its handshake.

    Its record is stored before it opens, so it is found and posted to, and API Gateway answers 410. That is
    not final: the record has to stay, or the connection would open without one and never receive anything.
    """
    return now - connected_at < HANDSHAKE_SECONDS_MAX


def may_be_opening(record: Connection, now: int) -> bool:
    """`is_opening`, by a whole record: one with a subscription was open before."""
    return is_opening(record.connected_at, now) and not record.subscriptions


def reachable_until(token_exp: int, expires_at: int) -> int:
    """Until when a connection can be posted to: its token's expiry or its record's, whichever is earlier.

    DynamoDB deletes expired items up to two days late. With a token that lives for days, a record would
    attract posts to a closed connection for that long.
    """
    return min(token_exp, expires_at)


PRESENCE_USERS_MAX = 50


class ConnectionCounts(Protocol):
    """Counts of open connections."""

    def count_of_user(self, user_id: str, now: int) -> int:
        """How many connections of a user are open (one query; eventually consistent)."""

    def online(self, user_ids: Sequence[str], now: int) -> set[str]:
        """Which of up to PRESENCE_USERS_MAX users are connected (a query each; eventually consistent)."""


class Connections(ConnectionCounts, Protocol):
    """The records of open connections, found by connection id or by user id."""

    def add(self, connection: Connection) -> None:
        """Store a new connection (one write, no read)."""

    def get(self, connection_id: str) -> Connection | None:
        """The record of a connection (one consistent read), or None."""

    def get_all(self, connection_ids: Sequence[str]) -> list[Connection]:
        """The records of distinct connections, without unknown ones (a consistent read for each hundred)."""

    def remove(self, connection_id: str, *, known: Connection | None = None) -> Connection | None:
        """Delete a record and return it (one write), or None if there was none.

        With `known`, raises RecordChanged unless the subscriptions are still those: a caller that has
        removed the memberships of `known` leaves none behind.
        """

    def of_user(self, user_id: str) -> list[Recipient]:
        """All connections of a user (one query; eventually consistent)."""

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
        """Extend the connection to a newer token's expiry, with its permissions (one write).

        `due_at` is the due time in the janitor's schedule; by default its next run computes it, which takes
        another write. Returns the record after the update, or None if there is none or the janitor is closing
        the connection. `token_exp` only grows: of two concurrent refreshes, the later expiry stays. The
        exception is a record that still has the token of `instead_of`, which was revoked or has other
        permissions: that one is replaced by a token with any expiry.
        """
