"""The memberships in the subscriptions table, written in one transaction with the connection's record.

The record and the memberships never disagree: whoever deletes a record (`Connections.remove`) gets the
complete list of what to delete with it, and a subscription that comes too late finds no record to write to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from realtime_core.aws import backoff
from realtime_core.aws.dynamodb import ConditionFailed, Item, delete_all, perform
from realtime_core.connections.base import Connection, Subscription, record_expires_at
from realtime_core.connections.dynamodb import DynamoConnections, connection_from, subscription_value
from realtime_core.errors import ConnectionUnknown, StoreUnavailable
from realtime_core.ids import group_id, shard_of
from realtime_core.subscriptions.base import MAX_SUBSCRIPTIONS, Group, check_subscription_limits
from realtime_core.subscriptions.dynamodb_groups import DynamoGroups, DynamoMembers, member_pk

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

    from realtime_core.subscriptions.pending_changes import PendingWrites


class DynamoSubscriptions:
    """`Subscriptions` on DynamoDB. One of these may be shared between threads."""

    def __init__(
        self,
        client: DynamoDBClient,
        connections_table: str,
        subscriptions_table: str,
        max_subscriptions: int = MAX_SUBSCRIPTIONS,
        pending: PendingWrites | None = None,
    ) -> None:
        """`pending`, where there is an index of the members, writes down what that does not know yet."""
        self._client = client
        self._connections_table = connections_table
        self._table = subscriptions_table
        self._max = max_subscriptions
        self._pending = pending
        self._connections = DynamoConnections(client, connections_table)
        self._groups = DynamoGroups(client, subscriptions_table)
        self._members = DynamoMembers(client, subscriptions_table)

    def subscribe(
        self,
        connection_id: str,
        topic: str,
        canonical_filter: str,
        now: int,
        *,
        record: Connection | None = None,
    ) -> Connection:
        """Add or replace a subscription: one read (none where the record is given), at most three writes.

        Two where the group is known, none at all where the same subscription is in force already.
        """
        group = Group(group_id(topic, canonical_filter), topic, canonical_filter)
        connection = record or self._known(self._connections.get(connection_id))
        for _ in backoff.attempts():
            old = connection.subscriptions.get(topic)
            if old is not None and old.filter == canonical_filter:
                return connection
            check_subscription_limits(connection, topic, canonical_filter, self._max)
            group = self._groups.touch(group, now)
            new = Subscription(topic, canonical_filter, group.group_id, shard_of(connection_id, group.shards))
            try:
                self._write(connection, topic, old, new)
            except ConditionFailed as changed:
                connection = self._after(changed)
                continue
            return connection._replace(subscriptions={**connection.subscriptions, topic: new})
        raise StoreUnavailable(f"the record of connection {connection_id} kept changing")

    def unsubscribe(self, connection_id: str, topic: str) -> None:
        """Remove the subscription, if there is one: one read, at most one write. Raises ConnectionUnknown."""
        connection = self._known(self._connections.get(connection_id))
        for _ in backoff.attempts():
            old = connection.subscriptions.get(topic)
            if old is None:
                return
            try:
                self._write(connection, topic, old, None)
            except ConditionFailed as changed:
                connection = self._after(changed)
                continue
            return
        raise StoreUnavailable(f"the record of connection {connection_id} kept changing")

    def forget(self, connections: Iterable[Connection]) -> None:
        """Remove every membership of connections whose records were removed; safe to repeat."""
        delete_all(
            self._client,
            self._table,
            (
                (member_pk(one.group_id, one.shard), connection.connection_id)
                for connection in connections
                for one in connection.subscriptions.values()
            ),
        )

    def extend(self, connection: Connection) -> None:
        """Carry a refreshed `token_exp` into the memberships (one write each); what is gone stays gone."""
        for one in connection.subscriptions.values():
            self._extend(one, connection)

    def groups(self, topic: str, now: int) -> list[Group]:
        """The groups of exactly this topic that may have members (one query a page)."""
        return self._groups.of_topic(topic, now)

    def announced(self, topic: str, since: int) -> list[Group]:
        """The groups that were listed, or spread, at `since` or later (one query a page)."""
        return self._groups.announced(topic, since)

    def members(self, groups: Sequence[Group], now: int) -> Iterator[tuple[Group, list[str]]]:
        """The connections of the groups that may be posted to at `now`, a shard at a time."""
        return self._members.of_groups(groups, now)

    def spread(self, group: Group, shards: int, now: int) -> None:
        """Let new members of a group that has grown go to more shards; never fewer (one write)."""
        self._groups.spread(group, shards, now)

    def _known(self, connection: Connection | None) -> Connection:
        if connection is None:
            raise ConnectionUnknown("The server has no record of this connection; reconnect")
        return connection

    def _after(self, changed: ConditionFailed) -> Connection:
        """The record that refused a transaction; the refusal brings it along, so it is not read again."""
        record = changed.refused.get(0)
        return self._known(connection_from(record) if record else None)

    def _write(
        self, connection: Connection, topic: str, old: Subscription | None, new: Subscription | None
    ) -> None:
        """Take the record and the memberships from `old` to `new`, unless the record changed meanwhile.

        `token_exp` is part of what may not have changed: a membership written with the old one would outlast
        the refresh that just went through the other memberships.
        """
        values: dict[str, Any] = {":exp": {"N": str(connection.token_exp)}}
        conditions = ["attribute_exists(connection_id)", "token_exp = :exp"]
        if old is None:
            conditions += ["attribute_not_exists(subscriptions.#topic)", "size(subscriptions) < :max"]
            values[":max"] = {"N": str(self._max)}
        else:
            conditions += ["subscriptions.#topic.g = :group", "subscriptions.#topic.s = :shard"]
            values |= {":group": {"S": old.group_id}, ":shard": {"N": str(old.shard)}}
        if new is not None:
            values[":new"] = subscription_value(new)
        writes: list[Any] = [
            {
                "Update": {
                    "TableName": self._connections_table,
                    "Key": {"connection_id": {"S": connection.connection_id}},
                    "UpdateExpression": f"SET {_AT} = :new" if new else f"REMOVE {_AT}",
                    "ConditionExpression": " AND ".join(conditions),
                    "ExpressionAttributeNames": {"#topic": topic},
                    "ExpressionAttributeValues": values,
                    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                }
            }
        ]
        if new is not None:
            writes.append({"Put": {"TableName": self._table, "Item": _member(new, connection)}})
        if old is not None:
            key = _member_key(old, connection.connection_id)
            writes.append({"Delete": {"TableName": self._table, "Key": key}})
        writes += self._to_be_indexed(connection, topic, [one for one in (new, old) if one], new)
        perform(lambda: self._client.transact_write_items(TransactItems=writes))

    def _extend(self, subscription: Subscription, connection: Connection) -> None:
        update: dict[str, Any] = {
            "TableName": self._table,
            "Key": _member_key(subscription, connection.connection_id),
            "UpdateExpression": "SET e = :exp",
            "ConditionExpression": "attribute_exists(pk) AND e < :exp",
            "ExpressionAttributeValues": {":exp": {"N": str(connection.token_exp)}},
        }
        pending = self._to_be_indexed(connection, subscription.topic, [subscription], subscription)
        writes: list[Any] = [{"Update": update}, *pending]
        try:
            if pending:
                perform(lambda: self._client.transact_write_items(TransactItems=writes))
            else:
                perform(lambda: self._client.update_item(**update))
        except ConditionFailed:
            return  # it is gone, or a later refresh was faster

    def _to_be_indexed(
        self, connection: Connection, topic: str, changed: Iterable[Subscription], new: Subscription | None
    ) -> list[dict[str, Any]]:
        """The write, if any, that tells readers of an index what it does not know yet."""
        if self._pending is None:
            return []
        partitions = [member_pk(one.group_id, one.shard) for one in changed]
        return [self._pending.put(connection, topic, partitions, new.group_id if new else None)]


_AT = "subscriptions.#topic"


def _member_key(subscription: Subscription, connection_id: str) -> Item:
    return {"pk": {"S": member_pk(subscription.group_id, subscription.shard)}, "sk": {"S": connection_id}}


def _member(subscription: Subscription, connection: Connection) -> Item:
    return {
        **_member_key(subscription, connection.connection_id),
        "e": {"N": str(connection.token_exp)},
        "expires_at": {"N": str(record_expires_at(connection))},
    }
