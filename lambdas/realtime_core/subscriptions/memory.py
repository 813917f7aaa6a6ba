"""The in-memory adapter of the subscriptions table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from realtime_core.connections.base import (
    Connection,
    Recipient,
    Subscription,
    reachable_until,
    record_expires_at,
)
from realtime_core.connections.memory import MemoryConnections
from realtime_core.errors import ConnectionUnknown
from realtime_core.ids import group_id, shard_of
from realtime_core.in_memory import InMemoryAdapter
from realtime_core.subscriptions.base import (
    MAX_SUBSCRIPTIONS,
    REGISTRY_LIFETIME_SECONDS,
    REGISTRY_MARGIN_SECONDS,
    Group,
    check_subscription_limits,
)

Shard = tuple[str, int]


class MemorySubscriptions(InMemoryAdapter):
    """`Subscriptions` in memory, over the records of `MemoryConnections`."""

    def __init__(self, connections: MemoryConnections, max_subscriptions: int = MAX_SUBSCRIPTIONS) -> None:
        self._connections = connections
        self._max = max_subscriptions
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
    ) -> Connection:
        """Add or replace the connection's subscription to a topic; returns the record after it."""
        del record  # reading it from memory costs nothing
        self._reach()
        with self._connections.lock:
            connection = self._require(connection_id)
            old = connection.subscriptions.get(topic)
            if old is not None and old.filter == canonical_filter:
                return connection
            check_subscription_limits(connection, topic, canonical_filter, self._max)
            group = self._touch(Group(group_id(topic, canonical_filter), topic, canonical_filter), now)
            new = Subscription(topic, canonical_filter, group.group_id, shard_of(connection_id, group.shards))
            if old is not None:
                self._drop(old, connection_id)
            self._join(new, connection)
            after = connection._replace(subscriptions={**connection.subscriptions, topic: new})
            self._connections.records[connection_id] = after
            return after

    def unsubscribe(self, connection_id: str, topic: str) -> None:
        """Remove the subscription to a topic, if there is one. Raises ConnectionUnknown."""
        self._reach()
        with self._connections.lock:
            connection = self._require(connection_id)
            old = connection.subscriptions.get(topic)
            if old is not None:
                self._drop(old, connection_id)
                rest = {name: item for name, item in connection.subscriptions.items() if name != topic}
                self._connections.records[connection_id] = connection._replace(subscriptions=rest)

    def remove_members(self, connections: Iterable[Connection]) -> None:
        """Remove the memberships of connections whose records were removed."""
        self._reach()
        with self._connections.lock:
            for connection in connections:
                for subscription in connection.subscriptions.values():
                    self._drop(subscription, connection.connection_id)

    def extend(self, connection: Connection) -> None:
        """Copy a refreshed `token_exp` to the memberships that still exist."""
        self._reach()
        with self._connections.lock:
            for subscription in connection.subscriptions.values():
                shard = self._members.get((subscription.group_id, subscription.shard), {})
                known = shard.get(connection.connection_id)
                if known is not None and known.token_exp < connection.token_exp:
                    self._join(subscription, connection)

    def groups(self, topic: str, now: int) -> list[Group]:
        """The groups of this topic that may have members."""
        self._reach()
        with self._connections.lock:
            return [
                group for group, expires in self._groups.values() if group.topic == topic and expires > now
            ]

    def announced(self, topic: str, since: int) -> list[Group]:
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
