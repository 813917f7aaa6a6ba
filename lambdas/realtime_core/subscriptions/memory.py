"""The in-memory twin of the subscriptions table."""

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
    """`Subscriptions` in memory, beside the records that they must agree with."""

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
        """Add or replace the connection's subscription to a topic; the record after it."""
        del record  # the twin's own record is as near, and never stale
        self._reach()
        with self._connections.lock:
            connection = self._known(connection_id)
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
        """Remove the subscription, if there is one. Raises ConnectionUnknown."""
        self._reach()
        with self._connections.lock:
            connection = self._known(connection_id)
            old = connection.subscriptions.get(topic)
            if old is not None:
                self._drop(old, connection_id)
                rest = {name: one for name, one in connection.subscriptions.items() if name != topic}
                self._connections.records[connection_id] = connection._replace(subscriptions=rest)

    def forget(self, connections: Iterable[Connection]) -> None:
        """Remove every membership of connections whose records were removed."""
        self._reach()
        with self._connections.lock:
            for connection in connections:
                for one in connection.subscriptions.values():
                    self._drop(one, connection.connection_id)

    def extend(self, connection: Connection) -> None:
        """Carry a refreshed `token_exp` into the memberships that are still there."""
        self._reach()
        with self._connections.lock:
            for one in connection.subscriptions.values():
                known = self._members.get((one.group_id, one.shard), {}).get(connection.connection_id)
                if known is not None and known.token_exp < connection.token_exp:
                    self._join(one, connection)

    def groups(self, topic: str, now: int) -> list[Group]:
        """The groups of exactly this topic that may have members."""
        self._reach()
        with self._connections.lock:
            return [
                group for group, expires in self._groups.values() if group.topic == topic and expires > now
            ]

    def announced(self, topic: str, since: int) -> list[Group]:
        """The groups that were listed, or spread, at `since` or later."""
        self._reach()
        with self._connections.lock:
            return [group for at, group in self._announced if group.topic == topic and at >= since]

    def members(self, groups: Sequence[Group], now: int) -> Iterator[tuple[Group, list[str]]]:
        """The connections of the groups that may be posted to at `now`, a shard at a time."""
        self._reach()
        with self._connections.lock:
            found = [
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
        yield from found

    def spread(self, group: Group, shards: int, now: int) -> None:
        """Let new members of a group that has grown go to more shards; never fewer."""
        self._reach()
        with self._connections.lock:
            known, expires = self._groups.get(group.group_id, (None, 0))
            if known is not None and known.shards < shards:
                wider = known._replace(shards=shards)
                self._groups[group.group_id] = (wider, expires)
                self._announced.append((now, wider))

    def _known(self, connection_id: str) -> Connection:
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
