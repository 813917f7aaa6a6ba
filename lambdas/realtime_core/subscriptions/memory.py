"""The in-memory adapter of the subscriptions table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from realtime_core.auth.permissions import check_topic_permitted
from realtime_core.connections.base import (
    Connection,
    Recipient,
    Subscription,
    reachable_until,
    record_expires_at,
)
from realtime_core.connections.memory import MemoryConnections
from realtime_core.errors import ConnectionUnknown
from realtime_core.filters.filters import weight_of
from realtime_core.ids import group_id, shard_of
from realtime_core.in_memory import InMemoryAdapter
from realtime_core.subscriptions.base import (
    MAX_SUBSCRIPTIONS,
    REGISTRY_LIFETIME_SECONDS,
    REGISTRY_MARGIN_SECONDS,
    Group,
    MemberPage,
    MemberPlace,
    check_subscription_limits,
    forbidden_topics,
    shards_between,
    topic_full,
)
from realtime_core.subscriptions.order import (
    check_not_forgotten,
    is_forgotten,
    is_overtaken,
    received_last,
    to_drop,
)

Shard = tuple[str, int]
T = TypeVar("T")


class MemorySubscriptions(InMemoryAdapter):
    """`Subscriptions` in memory, over the records of `MemoryConnections`.

    `page_members` is the most members that a page of `member_pages` has.
    """

    page_members = 1_000

    def __init__(
        self,
        connections: MemoryConnections,
        max_subscriptions: int = MAX_SUBSCRIPTIONS,
        topic_filters_max: int | None = None,
    ) -> None:
        self._connections = connections
        self._max = max_subscriptions
        self._topic_filters_max = topic_filters_max
        self._groups: dict[str, tuple[Group, int]] = {}
        self._announced: list[tuple[int, Group]] = []
        self._members: dict[Shard, dict[str, Recipient]] = {}

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
        """Add or replace a subscription, unless a later request is in force; returns the record after it."""
        del record  # reading it from memory costs nothing
        self._reach()
        with self._connections.lock:
            connection = self._require(connection_id)
            check_topic_permitted(connection.permissions, topic)
            at = received_last(connection, topic) if received_ms is None else received_ms
            if is_overtaken(connection, topic, at):
                return connection
            check_not_forgotten(connection, topic, at)

            old = connection.subscriptions.get(topic)
            if old is None or old.filter != canonical_filter:
                new = self._replace(connection, topic, canonical_filter, now, admit_new)
                new = new._replace(received_ms=at)
            else:
                new = old._replace(received_ms=at)
            after = connection._replace(
                subscriptions={**connection.subscriptions, topic: new},
                unsubscribed=_without(connection.unsubscribed, [topic]),
            )
            self._connections.records[connection_id] = after
            return after

    def unsubscribe(
        self,
        connection_id: str,
        topic: str,
        *,
        record: Connection | None = None,  # noqa: ARG002 - only a store that takes a read has use for it
        received_ms: int | None = None,
    ) -> None:
        """Remove the subscription to a topic, if there is one. Raises ConnectionUnknown."""
        self._reach()
        with self._connections.lock:
            connection = self._require(connection_id)
            at = received_last(connection, topic) if received_ms is None else received_ms
            if is_overtaken(connection, topic, at) or is_forgotten(connection, topic, at):
                return
            if (old := connection.subscriptions.get(topic)) is not None:
                self._drop(old, connection_id)
            dropped = to_drop(connection, topic, at)
            self._connections.records[connection_id] = connection._replace(
                subscriptions=_without(connection.subscriptions, [topic]),
                unsubscribed={**_without(connection.unsubscribed, dropped), topic: at},
                unsubscribed_before=max([connection.unsubscribed_before, *dropped.values()]),
            )

    def end_forbidden(self, connection: Connection) -> list[str]:
        """Remove the subscriptions that the permissions do not cover; returns their topics."""
        self._reach()
        with self._connections.lock:
            record = self._connections.records.get(connection.connection_id)
            ended = [] if record is None else forbidden_topics(record)
            for topic in ended:
                self.unsubscribe(connection.connection_id, topic)
            return ended

    def remove_members(self, connections: Iterable[Connection]) -> None:
        """Remove the memberships of connections whose records were removed."""
        self._reach()
        with self._connections.lock:
            for connection in connections:
                for subscription in connection.subscriptions.values():
                    self._drop(subscription, connection.connection_id)

    def extend(self, connection: Connection, *, shortened: bool = False) -> None:
        """Copy a refreshed `token_exp` to the memberships that still exist."""
        self._reach()
        with self._connections.lock:
            record = self._connections.records.get(connection.connection_id)
            may_shorten = shortened and record is not None and record.token_exp == connection.token_exp
            for subscription in connection.subscriptions.values():
                shard = self._members.get((subscription.group_id, subscription.shard), {})
                known = shard.get(connection.connection_id)
                if known is not None and (may_shorten or known.token_exp < connection.token_exp):
                    self._join(subscription, connection)

    def groups(self, topic: str, now: int) -> Iterator[Group]:
        """The groups of this topic that may have members."""
        self._reach()
        with self._connections.lock:
            listed = list(self._groups.values())
        return (group for group, expires in listed if group.topic == topic and expires > now)

    def announced(
        self,
        topic: str,
        since: int,
        known: Callable[[str], Group | None] | None = None,  # noqa: ARG002
    ) -> list[Group]:
        """The groups of this topic that were announced at `since` or later."""
        self._reach()
        with self._connections.lock:
            return [group for at, group in self._announced if group.topic == topic and at >= since]

    def members(self, groups: Sequence[Group], now: int) -> Iterator[tuple[Group, list[str]]]:
        """The connections of each group that can be posted to at `now`, a shard at a time."""
        self._reach()
        with self._connections.lock:
            members = [
                (
                    group,
                    [
                        member.connection_id
                        for member in self._members.get((group.group_id, shard), {}).values()
                        if member.token_exp > now
                    ],
                )
                for group in groups
                for shard in range(group.shards)
            ]
        yield from members

    def member_pages(
        self,
        groups: Sequence[Group],
        now: int,
        *,
        after: MemberPlace | None = None,
        until: MemberPlace | None = None,
        joined_before_ms: int | None = None,
    ) -> Iterator[MemberPage]:
        """The connections that can be posted to at `now`, in order, with places to go on from."""
        self._reach()
        for group, shard in shards_between(groups, after, until):
            place = MemberPlace(group.group_id, shard)
            with self._connections.lock:
                members = sorted(self._members.get((group.group_id, shard), {}).values())
            if after is not None and after[:2] == place[:2]:
                members = [item for item in members if item.connection_id > (after.connection_id or "")]
            for start in range(0, max(1, len(members)), self.page_members):
                page = members[start : start + self.page_members]
                is_last = start + self.page_members >= len(members)
                yield MemberPage(
                    [
                        item.connection_id
                        for item in page
                        if item.token_exp > now and self._joined_before(item, group, joined_before_ms)
                    ],
                    place if is_last else place._replace(connection_id=page[-1].connection_id),
                )

    def _joined_before(self, member: Recipient, group: Group, before_ms: int | None) -> bool:
        if before_ms is None:
            return True
        record = self._connections.records.get(member.connection_id)
        subscription = record.subscriptions.get(group.topic) if record else None
        return subscription is not None and 0 < subscription.received_ms < before_ms

    def add_shards(self, group: Group, shards: int, now: int) -> None:
        """Give a group more shards, which new members use; a smaller number is ignored."""
        self._reach()
        with self._connections.lock:
            known, expires = self._groups.get(group.group_id, (None, 0))
            if known is not None and known.shards < shards:
                changed = known._replace(shards=shards)
                self._groups[group.group_id] = (changed, expires)
                self._announced.append((now, changed))

    def _require(self, connection_id: str) -> Connection:
        connection = self._connections.records.get(connection_id)
        if connection is None:
            raise ConnectionUnknown("The server has no record of this connection; reconnect")
        return connection

    def _replace(
        self,
        connection: Connection,
        topic: str,
        canonical_filter: str,
        now: int,
        admit_new: Callable[[], None] | None,
    ) -> Subscription:
        """Replace the membership of a topic. Raises SubscriptionFailed."""
        check_subscription_limits(connection, topic, canonical_filter, self._max)
        group = Group(group_id(topic, canonical_filter), topic, canonical_filter)
        self._admit(group, now, admit_new)
        group = self._touch(group, now)
        shard = shard_of(connection.connection_id, group.shards)
        new = Subscription(topic, canonical_filter, group.group_id, shard)
        if (old := connection.subscriptions.get(topic)) is not None:
            self._drop(old, connection.connection_id)
        self._join(new, connection)
        return new

    def _admit(self, group: Group, now: int, admit: Callable[[], None] | None) -> None:
        """Raise SubscriptionFailed if the caller or the topic may list no other group."""
        if self._groups.get(group.group_id, (group, 0))[1] > now:
            return
        if admit is not None:
            admit()
        maximum = self._topic_filters_max
        listed = sum(
            weight_of(known.filter)
            for known, end in self._groups.values()
            if known.topic == group.topic and end > now
        )
        if maximum is not None and listed + weight_of(group.filter) > maximum:
            raise topic_full(group.topic, maximum)

    def _touch(self, group: Group, now: int) -> Group:
        known, expires = self._groups.get(group.group_id, (group, 0))
        if expires <= now + REGISTRY_MARGIN_SECONDS:
            self._announced.append((now, known))
        self._groups[group.group_id] = (known, now + REGISTRY_LIFETIME_SECONDS)
        return known

    def _join(self, subscription: Subscription, connection: Connection) -> None:
        until = reachable_until(connection.token_exp, record_expires_at(connection))
        shard = self._members.setdefault((subscription.group_id, subscription.shard), {})
        shard[connection.connection_id] = Recipient(connection.connection_id, until)

    def _drop(self, subscription: Subscription, connection_id: str) -> None:
        self._members.get((subscription.group_id, subscription.shard), {}).pop(connection_id, None)


def _without(items: Mapping[str, T], topics: Iterable[str]) -> dict[str, T]:
    left_out = set(topics)
    return {topic: item for topic, item in items.items() if topic not in left_out}
