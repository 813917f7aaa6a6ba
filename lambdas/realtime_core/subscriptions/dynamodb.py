"""Subscriptions on DynamoDB: memberships, written in one transaction with the connection's record.

So a record and its memberships always agree: the caller that deletes a record (`Connections.remove`) receives
the complete list of memberships to delete, and a later subscription finds no record and fails.
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
from realtime_core.subscriptions.dynamodb_groups import DynamoGroups
from realtime_core.subscriptions.dynamodb_members import DynamoMembers, member_pk

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

    from realtime_core.subscriptions.pending_changes import PendingWrites


class DynamoSubscriptions:
    """`Subscriptions` on DynamoDB. Threads may share an instance."""

    def __init__(
        self,
        client: DynamoDBClient,
        connections_table: str,
        subscriptions_table: str,
        max_subscriptions: int = MAX_SUBSCRIPTIONS,
        pending: PendingWrites | None = None,
    ) -> None:
        """`pending` records changes for the index in Redis; None if there is no index."""
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
        """Add or replace a subscription; returns the record after it.

        One read, none if the record is given. At most three writes: two if the group exists, none if the
        subscription exists.
        """
        group = Group(group_id(topic, canonical_filter), topic, canonical_filter)
        connection = record or self._require(self._connections.get(connection_id))
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
                connection = self._changed_record(changed)
                continue
            return connection._replace(subscriptions={**connection.subscriptions, topic: new})
        raise StoreUnavailable(f"the record of connection {connection_id} kept changing")

    def unsubscribe(self, connection_id: str, topic: str) -> None:
        """Remove the subscription to a topic, if there is one (one read, at most one write)."""
        connection = self._require(self._connections.get(connection_id))
        for _ in backoff.attempts():
            old = connection.subscriptions.get(topic)
            if old is None:
                return
            try:
                self._write(connection, topic, old, None)
            except ConditionFailed as changed:
                connection = self._changed_record(changed)
                continue
            return
        raise StoreUnavailable(f"the record of connection {connection_id} kept changing")

    def remove_members(self, connections: Iterable[Connection]) -> None:
        """Remove the memberships of connections whose records were removed; safe to repeat."""
        delete_all(
            self._client,
            self._table,
            (
                (member_pk(subscription.group_id, subscription.shard), connection.connection_id)
                for connection in connections
                for subscription in connection.subscriptions.values()
            ),
        )

    def extend(self, connection: Connection) -> None:
        """Copy a refreshed `token_exp` to the memberships (one write each); removed ones stay removed."""
        for subscription in connection.subscriptions.values():
            self._extend(subscription, connection)

    def groups(self, topic: str, now: int) -> list[Group]:
        """The groups of this topic that may have members (one query a page)."""
        return self._groups.of_topic(topic, now)

    def announced(self, topic: str, since: int) -> list[Group]:
        """The groups of this topic that were announced at `since` or later (one query a page)."""
        return self._groups.announced(topic, since)

    def members(self, groups: Sequence[Group], now: int) -> Iterator[tuple[Group, list[str]]]:
        """The connections of each group that can be posted to at `now`, a shard at a time."""
        return self._members.of_groups(groups, now)

    def add_shards(self, group: Group, shards: int, now: int) -> None:
        """Give a group more shards, which new members use; a smaller number is ignored (one write)."""
        self._groups.add_shards(group, shards, now)

    def _require(self, connection: Connection | None) -> Connection:
        if connection is None:
            raise ConnectionUnknown("The server has no record of this connection; reconnect")
        return connection

    def _changed_record(self, changed: ConditionFailed) -> Connection:
        """The record that failed a transaction's condition; the failure contains it, which saves a read."""
        record = changed.refused.get(0)
        return self._require(connection_from(record) if record else None)

    def _write(
        self, connection: Connection, topic: str, old: Subscription | None, new: Subscription | None
    ) -> None:
        """Replace `old` by `new` in record and memberships. Raises ConditionFailed if the record changed.

        The condition includes `token_exp`: a membership with the old expiry would miss a refresh that has
        just updated the other memberships.
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
        changed = [subscription for subscription in (new, old) if subscription]
        writes += self._pending_writes(connection, topic, changed, new)
        perform(lambda: self._client.transact_write_items(TransactItems=writes))

    def _extend(self, subscription: Subscription, connection: Connection) -> None:
        update: dict[str, Any] = {
            "TableName": self._table,
            "Key": _member_key(subscription, connection.connection_id),
            "UpdateExpression": "SET e = :exp",
            "ConditionExpression": "attribute_exists(pk) AND e < :exp",
            "ExpressionAttributeValues": {":exp": {"N": str(connection.token_exp)}},
        }
        pending = self._pending_writes(connection, subscription.topic, [subscription], subscription)
        writes: list[Any] = [{"Update": update}, *pending]
        try:
            if pending:
                perform(lambda: self._client.transact_write_items(TransactItems=writes))
            else:
                perform(lambda: self._client.update_item(**update))
        except ConditionFailed:
            return  # the membership was removed, or a later refresh came first

    def _pending_writes(
        self, connection: Connection, topic: str, changed: Iterable[Subscription], new: Subscription | None
    ) -> list[dict[str, Any]]:
        """The write, if there is an index, that records this change as pending for it."""
        if self._pending is None:
            return []
        partitions = [member_pk(subscription.group_id, subscription.shard) for subscription in changed]
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
