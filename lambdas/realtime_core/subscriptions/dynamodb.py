"""Subscriptions on DynamoDB: memberships, written in one transaction with the connection's record.

So a record and its memberships always agree: the caller that deletes a record (`Connections.remove`) receives
the complete list of memberships to delete, and a later subscription finds no record and fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from realtime_core.auth.permissions import check_topic_permitted
from realtime_core.aws import backoff
from realtime_core.aws.dynamodb import ConditionFailed, Item, delete_all, perform
from realtime_core.connections.base import Connection, Subscription, record_expires_at
from realtime_core.connections.dynamodb import DynamoConnections, connection_from
from realtime_core.errors import ConnectionUnknown, StoreUnavailable
from realtime_core.ids import group_id, shard_of
from realtime_core.subscriptions.base import (
    MAX_SUBSCRIPTIONS,
    Group,
    MemberPage,
    MemberPlace,
    check_subscription_limits,
    forbidden_topics,
)
from realtime_core.subscriptions.dynamodb_groups import DynamoGroups
from realtime_core.subscriptions.dynamodb_members import REPORTED, DynamoMembers, member_pk
from realtime_core.subscriptions.dynamodb_record import RecordUpdate
from realtime_core.subscriptions.order import (
    check_not_forgotten,
    is_forgotten,
    is_overtaken,
    received_last,
)

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
        *,
        topic_filters_max: int | None = None,
    ) -> None:
        """`pending` records changes for the index in Redis; None if there is no index.

        `topic_filters_max` is the limit of distinct filters of a topic; None for those who subscribe nobody.
        """
        self._client = client
        self._connections_table = connections_table
        self._table = subscriptions_table
        self._max = max_subscriptions
        self._pending = pending
        self._connections = DynamoConnections(client, connections_table)
        self._groups = DynamoGroups(client, subscriptions_table, topic_filters_max)
        self._members = DynamoMembers(client, subscriptions_table)

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
        """Add or replace a subscription, unless a later request is in force; returns the record after it.

        One read, none if the record is given. At most three writes, and one to count a new group if topics
        are limited: two if the group exists, one if the subscription exists. See `DynamoGroups.touch`.
        """
        group = Group(group_id(topic, canonical_filter), topic, canonical_filter)
        connection = record or self._require(self._connections.get(connection_id))
        for _ in backoff.attempts():
            check_topic_permitted(connection.permissions, topic)
            at = received_last(connection, topic) if received_ms is None else received_ms
            old = connection.subscriptions.get(topic)
            if is_overtaken(connection, topic, at):
                return connection
            try:
                if old is not None and old.filter == canonical_filter:
                    return self._confirm(connection, old, at)
                check_not_forgotten(connection, topic, at)
                check_subscription_limits(connection, topic, canonical_filter, self._max)

                group = self._groups.touch(group, now, admit_new)
                shard = shard_of(connection_id, group.shards)
                return self._join(
                    connection, Subscription(topic, canonical_filter, group.group_id, shard, at)
                )
            except ConditionFailed as changed:
                connection = self._changed_record(changed)
        raise StoreUnavailable(f"the record of connection {connection_id} kept changing")

    def unsubscribe(
        self,
        connection_id: str,
        topic: str,
        *,
        record: Connection | None = None,
        received_ms: int | None = None,
    ) -> None:
        """Remove the subscription to a topic, if there is one (one read if no record is given, one write)."""
        connection = record or self._require(self._connections.get(connection_id))
        for _ in backoff.attempts():
            at = received_last(connection, topic) if received_ms is None else received_ms
            try:
                return self._leave(connection, topic, at)
            except ConditionFailed as changed:
                connection = self._changed_record(changed)
        raise StoreUnavailable(f"the record of connection {connection_id} kept changing")

    def end_forbidden(self, connection: Connection) -> list[str]:
        """Remove the subscriptions that the permissions do not cover (one write each); their topics."""
        return [topic for topic in forbidden_topics(connection) if self._end(connection, topic)]

    def _end(self, connection: Connection, topic: str) -> bool:
        """Remove a subscription, whenever it was asked for; False if it is gone or permitted by now."""
        for _ in backoff.attempts():
            try:
                self._leave(connection, topic, received_last(connection, topic))
            except ConditionFailed as changed:
                record = connection_from(changed.refused.get(0))
                if record is None or topic not in forbidden_topics(record):
                    return False
                connection = record
            else:
                return True
        raise StoreUnavailable(f"the record of connection {connection.connection_id} kept changing")

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

    def extend(self, connection: Connection, *, shortened: bool = False) -> None:
        """Copy a refreshed `token_exp` to the memberships (one write each); removed ones stay removed."""
        for subscription in connection.subscriptions.values():
            self._extend(subscription, connection, shortened=shortened)

    def groups(self, topic: str, now: int) -> Iterator[Group]:
        """The groups of this topic that may have members, page by page (one query each)."""
        return self._groups.of_topic(topic, now)

    def announced(
        self, topic: str, since: int, known: Callable[[str], Group | None] | None = None
    ) -> list[Group]:
        """The groups of this topic that were announced at `since` or later (one query a page)."""
        return self._groups.announced(topic, since, known)

    def members(self, groups: Sequence[Group], now: int) -> Iterator[tuple[Group, list[str]]]:
        """The connections of each group that can be posted to at `now`, a shard at a time."""
        return self._members.of_groups(groups, now)

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
        return self._members.pages(groups, now, after=after, until=until, joined_before_ms=joined_before_ms)

    def add_shards(self, group: Group, shards: int, now: int) -> None:
        """Give a group more shards, which new members use; a smaller number is ignored."""
        self._groups.add_shards(group, shards, now)

    def _require(self, connection: Connection | None) -> Connection:
        if connection is None:
            raise ConnectionUnknown("The server has no record of this connection; reconnect")
        return connection

    def _changed_record(self, changed: ConditionFailed) -> Connection:
        """The record that failed a transaction's condition; the failure contains it, which saves a read."""
        return self._require(connection_from(changed.refused.get(0)))

    def _confirm(self, connection: Connection, old: Subscription, at: int) -> Connection:
        """Keep a subscription that was asked for again: another request may have been received between."""
        if at == old.received_ms:
            return connection
        update = RecordUpdate(connection, old.topic, at)
        after = update.confirm()
        self._update_record(update)
        return after

    def _join(self, connection: Connection, new: Subscription) -> Connection:
        """Replace what the connection has of the topic by a subscription, in record and memberships."""
        update = RecordUpdate(connection, new.topic, new.received_ms)
        after = update.subscribe(new, self._max)
        old = connection.subscriptions.get(new.topic)

        member = {"Put": {"TableName": self._table, "Item": self._member(new, connection)}}
        self._write(update, [member, *self._changes_of(connection, new.topic, old, new)])
        return after

    def _leave(self, connection: Connection, topic: str, at: int) -> None:
        """Remove what the connection has of a topic, and remember when that was asked for."""
        old = connection.subscriptions.get(topic)
        if is_overtaken(connection, topic, at):
            return
        if old is None and (is_forgotten(connection, topic, at) or connection.unsubscribed.get(topic) == at):
            return
        update = RecordUpdate(connection, topic, at)
        update.unsubscribe()
        if old is None:
            self._update_record(update)
        else:
            self._write(update, self._changes_of(connection, topic, old, None))

    def _update_record(self, update: RecordUpdate) -> None:
        """Change nothing but the record. Raises ConditionFailed if it is not as it was read."""
        parameters = update.parameters(self._connections_table)
        perform(lambda: self._client.update_item(**parameters))

    def _write(self, update: RecordUpdate, writes: Sequence[Any]) -> None:
        """Change the record and the rest in one step. Raises ConditionFailed if it is not as it was read."""
        items: Any = [{"Update": update.parameters(self._connections_table)}, *writes]
        perform(lambda: self._client.transact_write_items(TransactItems=items))

    def _changes_of(
        self, connection: Connection, topic: str, old: Subscription | None, new: Subscription | None
    ) -> list[Any]:
        """The writes that remove the old membership, and report the change to the index."""
        writes: list[Any] = []
        if old is not None:
            key = _member_key(old, connection.connection_id)
            writes.append({"Delete": {"TableName": self._table, "Key": key}})
        changed = [subscription for subscription in (new, old) if subscription]
        return writes + self._pending_writes(connection, topic, changed, new)

    def _extend(self, subscription: Subscription, connection: Connection, *, shortened: bool) -> None:
        update: dict[str, Any] = {
            "TableName": self._table,
            "Key": _member_key(subscription, connection.connection_id),
            "UpdateExpression": "SET e = :exp",
            "ConditionExpression": "attribute_exists(pk)" + ("" if shortened else " AND e < :exp"),
            "ExpressionAttributeValues": {":exp": {"N": str(connection.token_exp)}},
        }
        others = self._pending_writes(connection, subscription.topic, [subscription], subscription)
        if shortened:
            others.append({"Update": self._unless_refreshed(connection)})
        writes: list[Any] = [{"Update": update}, *others]
        try:
            if others:
                perform(lambda: self._client.transact_write_items(TransactItems=writes))
            else:
                perform(lambda: self._client.update_item(**update))
        except ConditionFailed:
            return  # the membership was removed, or a later refresh came first

    def _unless_refreshed(self, connection: Connection) -> dict[str, Any]:
        """An update that changes nothing, and fails once the record has another expiry.

        Instead of a ConditionCheck, so that the function needs no permission for ConditionCheckItem.
        """
        return {
            "TableName": self._connections_table,
            "Key": {"connection_id": {"S": connection.connection_id}},
            "UpdateExpression": "SET token_exp = :exp",
            "ConditionExpression": "token_exp = :exp",
            "ExpressionAttributeValues": {":exp": {"N": str(connection.token_exp)}},
        }

    def _pending_writes(
        self, connection: Connection, topic: str, changed: Iterable[Subscription], new: Subscription | None
    ) -> list[dict[str, Any]]:
        """The write, if there is an index, that records this change as pending for it."""
        if self._pending is None:
            return []
        partitions = [member_pk(subscription.group_id, subscription.shard) for subscription in changed]
        return [self._pending.put(connection, topic, partitions, new.group_id if new else None)]

    def _member(self, subscription: Subscription, connection: Connection) -> Item:
        member: Item = {
            **_member_key(subscription, connection.connection_id),
            "e": {"N": str(connection.token_exp)},
            "expires_at": {"N": str(record_expires_at(connection))},
        }
        if subscription.received_ms:
            member["j"] = {"N": str(subscription.received_ms)}
        return member if self._pending is None else {**member, REPORTED: {"BOOL": True}}


def _member_key(subscription: Subscription, connection_id: str) -> Item:
    return {"pk": {"S": member_pk(subscription.group_id, subscription.shard)}, "sk": {"S": connection_id}}
