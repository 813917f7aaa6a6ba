"""Subscriptions: groups of equal subscriptions, the rules that every adapter keeps, and the port."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from realtime_core.connections.base import Connection
from realtime_core.errors import SubscriptionFailed
from realtime_core.wire.strict_json import byte_length

if TYPE_CHECKING:
    pass


class Group(NamedTuple):
    """All the subscriptions to one topic that mean the same."""

    group_id: str
    topic: str
    filter: str
    shards: int = 1
    """Over how many partitions the members are spread; only ever grows."""


MAX_SUBSCRIPTIONS = 50
"""Of one connection, where its adapter is not told otherwise."""

FILTER_BYTES_TOGETHER_MAX = 96 * 1024
"""Of all subscriptions of a connection: `getStatus` lists them in one message, which may have 128 KB."""

REGISTRY_LIFETIME_SECONDS = 3 * 60 * 60
"""How long a group is listed after the last subscriber: the two hours of a connection, and slack."""

REGISTRY_MARGIN_SECONDS = 10 * 60
"""A group that is listed for no longer than this is listed anew: clocks differ."""

ANNOUNCEMENT_LIFETIME_SECONDS = 60 * 60
"""How long it can be read which groups are new; readers read all of them anew more often than that."""

# A shard that passes the first is split until each holds about the second, so growth is rare and in leaps.
SHARD_MEMBERS_MAX = 2000

SHARD_MEMBERS_AIM = 1000


class Subscriptions(Protocol):
    """Who wants what: groups of equal subscriptions, and their members."""

    def subscribe(
        self,
        connection_id: str,
        topic: str,
        canonical_filter: str,
        now: int,
        *,
        record: Connection | None = None,
    ) -> Connection:
        """Add or replace the connection's subscription to a topic, all or nothing; the record after it.

        `record` is the connection's as just read; where it is left out, it is read here. At most one read and
        three writes (a transaction counts as one): two where others have subscribed to the same before, none
        where the subscription is in force already; more only where the record changes meanwhile. Raises
        ConnectionUnknown where the connection is gone or goes meanwhile, SubscriptionFailed where it has its
        maximum.
        """

    def unsubscribe(self, connection_id: str, topic: str) -> None:
        """Remove the subscription, if there is one. Raises ConnectionUnknown."""

    def forget(self, connections: Iterable[Connection]) -> None:
        """Remove every membership of connections whose records were removed (batched writes)."""

    def extend(self, connection: Connection) -> None:
        """Carry a refreshed `token_exp` into the connection's memberships."""

    def groups(self, topic: str, now: int) -> list[Group]:
        """The groups of exactly this topic that may have members (one query a page, no scan)."""

    def announced(self, topic: str, since: int) -> list[Group]:
        """The groups of exactly this topic that were listed, or spread, since then (one query a page).

        What is older than an hour may be missing; a group may come more than once.
        """

    def members(self, groups: Sequence[Group], now: int) -> Iterator[tuple[Group, list[str]]]:
        """The connections of the groups that may be posted to at `now`, by portions, group by group.

        One query a shard and page. A group without any may have no portion.
        """

    def spread(self, group: Group, shards: int, now: int) -> None:
        """Let new members of a group that has grown go to more shards; never fewer (one write)."""


def check_subscription_limits(connection: Connection, topic: str, canonical_filter: str, most: int) -> None:
    """Raise SubscriptionFailed where this subscription would be one too many, or all together too large."""
    others = [one for one in connection.subscriptions.values() if one.topic != topic]
    if len(others) >= most:
        raise SubscriptionFailed(
            f"This connection has its maximum of {most} subscriptions; end one of them first"
        )
    size = byte_length(canonical_filter) + sum(byte_length(one.filter) for one in others)
    if size > FILTER_BYTES_TOGETHER_MAX:
        raise SubscriptionFailed(
            f"The filters of this connection's subscriptions would take {size} bytes; at most "
            f"{FILTER_BYTES_TOGETHER_MAX} are allowed together; end one of them first"
        )


def shards_for(members: int, shards: int) -> int:
    """Over how many shards a group of so many members should be spread: never fewer than it has now."""
    if members <= shards * SHARD_MEMBERS_MAX:
        return shards
    return -(-members // SHARD_MEMBERS_AIM)
