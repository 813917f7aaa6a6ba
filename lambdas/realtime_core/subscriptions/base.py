"""Subscriptions: groups of equal subscriptions, limits that every adapter enforces, and the port."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from realtime_core.connections.base import Connection
from realtime_core.errors import SubscriptionFailed
from realtime_core.wire.strict_json import byte_length


class Group(NamedTuple):
    """The subscriptions to one topic whose filters have the same meaning."""

    group_id: str
    topic: str
    filter: str
    shards: int = 1
    """How many partitions hold the members; it only grows."""


class MemberPlace(NamedTuple):
    """A place among the members of groups, which are in the order of group id, shard and connection id."""

    group_id: str
    shard: int
    connection_id: str | None = None
    """The last connection before the place; None where the whole shard is before it."""


class MemberPage(NamedTuple):
    """Some members of a shard, and the place behind them."""

    connection_ids: list[str]
    place: MemberPlace


MAX_SUBSCRIPTIONS = 50
"""The default limit of one connection."""

FILTER_BYTES_TOGETHER_MAX = 96 * 1024
"""The limit of all filters of a connection: `getStatus` lists them in one message of at most 128 KB."""

REGISTRY_LIFETIME_SECONDS = 3 * 60 * 60
"""How long a group stays listed after its last subscriber: the two hours of a connection, and a margin."""

REGISTRY_MARGIN_SECONDS = 10 * 60
"""A group that expires sooner than this is listed and announced again, because clocks differ."""

ANNOUNCEMENT_LIFETIME_SECONDS = 60 * 60
"""How long an announcement can be read; readers reread all groups more often than that."""

TOPIC_FILTERS_MAX = 10_000
"""The default limit of distinct filters of a topic."""

# Above the first size, a group gets enough shards to bring them to the second, so that it grows rarely.
SHARD_MEMBERS_MAX = 2000
SHARD_MEMBERS_AIM = 1000


class Subscriptions(Protocol):
    """The groups of equal subscriptions, and their members."""

    def subscribe(
        self,
        connection_id: str,
        topic: str,
        canonical_filter: str,
        now: int,
        *,
        record: Connection | None = None,
        received_ms: int | None = None,
        admit_new: Callable[[], None] | None = None,
    ) -> Connection:
        """Add or replace the connection's subscription to a topic, atomically; returns the record after it.

        `record` is the connection's record if the caller has just read it; else it is read here.
        `received_ms` is when API Gateway received the request, epoch milliseconds: if a later one for this
        topic is in force, nothing changes. Without it the request counts as the last. `admit_new` is called
        before a group is listed that is not listed yet, and may raise SubscriptionFailed.

        Costs at most one read and three writes (a transaction counts as one): two writes if the group exists,
        one if the subscription exists; more only if the record changes meanwhile, or in a topic of many
        groups. A new group costs a write to count it where topics are limited, and once a minute a read.

        Raises ConnectionUnknown if the connection has no record, Forbidden if its permissions do not cover
        the topic, SubscriptionFailed if it or the topic has reached a limit.
        """

    def unsubscribe(
        self,
        connection_id: str,
        topic: str,
        *,
        record: Connection | None = None,
        received_ms: int | None = None,
    ) -> None:
        """Remove the subscription to a topic, if there is one (one read, at most one write).

        `record` is the connection's record if the caller has just read it. The request is remembered
        for a while, for subscribes that were received before it and finish later. If a later request is in
        force, nothing changes. Raises ConnectionUnknown.
        """

    def end_forbidden(self, connection: Connection) -> list[str]:
        """Remove the subscriptions that the connection's permissions do not cover; returns their topics.

        `connection` is the record as it was after its permissions changed: a subscribe that knew the earlier
        ones is in it, or fails. One write each; more only if the record changes meanwhile.
        """

    def remove_members(self, connections: Iterable[Connection]) -> None:
        """Remove the memberships of connections whose records were removed (batches writes)."""

    def extend(self, connection: Connection, *, shortened: bool = False) -> None:
        """Copy a refreshed `token_exp` to the connection's memberships.

        A later one that they have stays; with `shortened`, only if the record has another one by now.
        """

    def groups(self, topic: str, now: int) -> Iterator[Group]:
        """The groups of this topic that may have members, page by page (one query each, no scan).

        A group may be returned more than once: the most shards count.
        """

    def announced(
        self, topic: str, since: int, known: Callable[[str], Group | None] | None = None
    ) -> list[Group]:
        """The groups of this topic that were announced at `since` or later (one query a page).

        A group is announced when it is listed and when it gets more shards. Announcements expire after an
        hour. A group may be returned more than once. `known` returns the group of an id that the caller has
        already, or None: the texts of long filters are read for the others alone (one read for each fifty).
        """

    def members(self, groups: Sequence[Group], now: int) -> Iterator[tuple[Group, list[str]]]:
        """The connections of each group that can be posted to at `now`, in batches, group by group.

        One query for each page of a shard. A group without members may have no batch.
        """

    def member_pages(
        self,
        groups: Sequence[Group],
        now: int,
        *,
        after: MemberPlace | None = None,
        until: MemberPlace | None = None,
        joined_before_ms: int | None = None,
    ) -> Iterator[MemberPage]:
        """The connections that can be posted to at `now`, in order, with places to go on from.

        Those after a place, and those of the shards up to another, that one included. With
        `joined_before_ms` only those whose membership is known to be older. One query a page, some of them
        ahead; never from an index.
        """

    def add_shards(self, group: Group, shards: int, now: int) -> None:
        """Give a group more shards, which new members use; a smaller one is ignored (one or two writes)."""


def shards_between(
    groups: Sequence[Group], after: MemberPlace | None, until: MemberPlace | None
) -> list[tuple[Group, int]]:
    """The shards of groups in order, without those before a place, and without those behind another."""
    shards = sorted((group.group_id, shard, group) for group in groups for shard in range(group.shards))
    return [
        (group, shard)
        for group_id, shard, group in shards
        if (
            after is None
            or (group_id, shard) > after[:2]
            or ((group_id, shard) == after[:2] and after.connection_id is not None)
        )
        and (until is None or (group_id, shard) <= until[:2])
    ]


def forbidden_topics(connection: Connection) -> list[str]:
    """The topics that the connection has subscriptions to and no permission for."""
    return [topic for topic in connection.subscriptions if not connection.permissions.permits_topic(topic)]


def filter_bytes(connection: Connection) -> int:
    """The size of all filters of a connection."""
    return sum(byte_length(item.filter) for item in connection.subscriptions.values())


def check_subscription_limits(connection: Connection, topic: str, canonical_filter: str, most: int) -> None:
    """Raise SubscriptionFailed if a subscription exceeds the limit of their number or total size."""
    others = [item for item in connection.subscriptions.values() if item.topic != topic]
    if len(others) >= most:
        raise SubscriptionFailed(
            f"This connection has the maximum of {most} subscriptions; unsubscribe from a topic first",
            {"reason": "maximum"},
        )
    size = byte_length(canonical_filter) + sum(byte_length(item.filter) for item in others)
    if size > FILTER_BYTES_TOGETHER_MAX:
        raise SubscriptionFailed(
            f"The filters of this connection's subscriptions would have {size} bytes in total; at most "
            f"{FILTER_BYTES_TOGETHER_MAX} are allowed; unsubscribe from a topic first",
            {"reason": "filters_too_large"},
        )


def topic_full(topic: str, maximum: int) -> SubscriptionFailed:
    """The error of a new filter for a topic that has the maximum of distinct ones."""
    return SubscriptionFailed(
        f"The topic {topic} has the maximum of {maximum} distinct filters; use one that others use, or none",
        {"reason": "topic_full"},
    )


def shards_for(members: int, shards: int) -> int:
    """How many shards a group of `members` needs: never fewer than the `shards` that it has."""
    if members <= shards * SHARD_MEMBERS_MAX:
        return shards
    return -(-members // SHARD_MEMBERS_AIM)
