"""The connections table, read by connection id or by user id."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from realtime_core.auth.permissions import UNRESTRICTED, Permissions, decode_permissions, encode_permissions
from realtime_core.aws.dynamodb import READ_MAX, ConditionFailed, Item, get_all, perform, query, read_number
from realtime_core.connections.base import (
    Connection,
    Recipient,
    RecordChanged,
    Subscription,
    connected_at_of,
    reachable_until,
    record_expires_at,
)
from realtime_core.connections.dynamodb_counts import USER_ID_INDEX, DynamoConnectionCounts
from realtime_core.connections.dynamodb_schedule import schedule_item, schedule_partition
from realtime_core.connections.schedule import PARTITIONS, REFRESHED, first_schedule
from realtime_core.schema import CONNECTION, SCHEMA

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

UNSUBSCRIBED = "u#"
"""Prefix of the attributes that say when a topic was unsubscribed from: one for each topic, so that requests
of two topics do not exclude each other."""

PERMITTED = "permitted_"
"""Prefix of the attributes with the patterns of the token; each is missing if the token has no such claim."""

_FIXED = frozenset(
    {
        "connection_id",
        "user_id",
        "connected_at",
        "token_exp",
        "expires_at",
        "subscriptions",
        "issued_at",
        "filter_bytes",
        "token_id",
        "unsubscribed_before",
        "sweep",
        "due_at",
        SCHEMA,
    }
)
"""The names of attributes that are not made of a topic or a claim, as most records have them."""


def connection_item(connection: Connection) -> Item:
    """The item of a connection."""
    item: Item = {
        "connection_id": {"S": connection.connection_id},
        "user_id": {"S": connection.user_id},
        "connected_at": {"N": str(connection.connected_at)},
        "token_exp": {"N": str(connection.token_exp)},
        "expires_at": {"N": str(record_expires_at(connection))},
        "subscriptions": {
            "M": {topic: subscription_value(item) for topic, item in connection.subscriptions.items()}
        },
        "issued_at": {"N": str(connection.issued_at)},
        "filter_bytes": {"N": str(connection.filter_bytes or 0)},
        **CONNECTION.stamp,
    }
    if connection.token_id is not None:
        item["token_id"] = {"S": connection.token_id}
    return {**item, **_permission_values(connection.permissions)}


def _permission_values(permissions: Permissions) -> Item:
    """The attributes of the permissions that a token has."""
    return {PERMITTED + name: {"S": text} for name, text in encode_permissions(permissions).items()}


def connection_from(item: Item | None) -> Connection | None:
    """The connection of an item, or None if there is none that this release can read.

    Then its client is told to reconnect, and gets a record that can be read.
    """
    if item is None or not CONNECTION.is_readable(item):
        return None
    unsubscribed: dict[str, int] = {}
    permitted: dict[str, str] = {}
    # Mostly none: this runs for each action that reads a record.
    for name in item.keys() - _FIXED:
        if name.startswith(UNSUBSCRIBED):
            unsubscribed[name.removeprefix(UNSUBSCRIBED)] = int(item[name]["N"])
        elif name.startswith(PERMITTED):
            permitted[name.removeprefix(PERMITTED)] = item[name]["S"]

    return Connection(
        connection_id=item["connection_id"]["S"],
        user_id=item["user_id"]["S"],
        connected_at=int(item["connected_at"]["N"]),
        token_exp=int(item["token_exp"]["N"]),
        subscriptions={
            topic: _subscription_from(topic, value["M"])
            for topic, value in item["subscriptions"]["M"].items()
        },
        issued_at=read_number(item, "issued_at"),
        token_id=item["token_id"]["S"] if "token_id" in item else None,
        unsubscribed=unsubscribed,
        unsubscribed_before=read_number(item, "unsubscribed_before"),
        filter_bytes=read_number(item, "filter_bytes") if "filter_bytes" in item else None,
        permissions=decode_permissions(permitted),
    )


def _subscription_from(topic: str, value: Item) -> Subscription:
    return Subscription(
        topic=topic,
        filter=value["f"]["S"],
        group_id=value["g"]["S"],
        shard=int(value["s"]["N"]),
        received_ms=read_number(value, "r"),
    )


def subscription_value(subscription: Subscription) -> Item:
    """A subscription as an attribute value; its names are short because an item may hold many."""
    return {
        "M": {
            "f": {"S": subscription.filter},
            "g": {"S": subscription.group_id},
            "s": {"N": str(subscription.shard)},
            "r": {"N": str(subscription.received_ms)},
        }
    }


def _recipient(connection_id: str, token_exp: int, expires_at: int) -> Recipient:
    """A recipient, from what the index has."""
    return Recipient(connection_id, reachable_until(token_exp, expires_at), connected_at_of(expires_at))


class DynamoConnections(DynamoConnectionCounts):
    """`Connections` on DynamoDB.

    `schedule_partitions` is over how many partitions new records are distributed for the janitor.
    """

    def __init__(self, client: DynamoDBClient, table: str, schedule_partitions: int = PARTITIONS) -> None:
        super().__init__(client, table)
        self._schedule_partitions = schedule_partitions

    def add(self, connection: Connection) -> None:
        """Store a new connection with its first due time (one write)."""
        schedule = first_schedule(connection.connection_id, connection.connected_at, connection.token_exp)
        item = {**connection_item(connection), **schedule_item(schedule, self._schedule_partitions)}
        perform(lambda: self._client.put_item(TableName=self._table, Item=item))

    def get(self, connection_id: str) -> Connection | None:
        """The record of a connection (one consistent read), or None."""
        response = perform(
            lambda: self._client.get_item(
                TableName=self._table, Key={"connection_id": {"S": connection_id}}, ConsistentRead=True
            )
        )
        return connection_from(response.get("Item"))

    def get_all(self, connection_ids: Sequence[str]) -> list[Connection]:
        """The records of distinct connections, without unknown ones (a consistent read for each hundred)."""
        found: list[Connection] = []
        for start in range(0, len(connection_ids), READ_MAX):
            keys = [{"connection_id": {"S": item}} for item in connection_ids[start : start + READ_MAX]]
            items = get_all(self._client, {self._table: keys})[self._table]
            found += filter(None, map(connection_from, items))
        return found

    def remove(self, connection_id: str, *, known: Connection | None = None) -> Connection | None:
        """Delete a record and return it (one write); of several concurrent callers, only one receives it.

        With `known`, raises RecordChanged unless the subscriptions are still those. Of a record that a newer
        release wrote the memberships are not known: they end by themselves.
        """
        parameters: dict[str, Any] = {
            "TableName": self._table,
            "Key": {"connection_id": {"S": connection_id}},
            "ReturnValues": "ALL_OLD",
        }
        if known is not None:
            parameters |= {**_unchanged(known), "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}

        try:
            response = perform(lambda: self._client.delete_item(**parameters))
        except ConditionFailed as changed:
            record = connection_from(changed.refused[0])
            if record is None:
                return None
            raise RecordChanged(record) from changed
        return connection_from(response.get("Attributes") or None)

    def of_user(self, user_id: str) -> list[Recipient]:
        """All connections of a user (one query a page; the index is eventually consistent)."""
        pages = query(
            self._client,
            TableName=self._table,
            IndexName=USER_ID_INDEX,
            KeyConditionExpression="user_id = :user",
            ExpressionAttributeValues={":user": {"S": user_id}},
        )
        return [
            _recipient(item["connection_id"]["S"], int(item["token_exp"]["N"]), int(item["expires_at"]["N"]))
            for items, _ in pages
            for item in items
        ]

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

        Returns the record after the update, or None if there is none or the janitor is closing the
        connection. `token_exp` only grows: of two concurrent refreshes, the later expiry stays. Only the
        token of `instead_of` is replaced by one with any expiry.
        """
        condition, values = _may_replace(instead_of)
        sets, removes, token_values = _token_update(token_id, permissions)
        try:
            response = perform(
                lambda: self._client.update_item(
                    TableName=self._table,
                    Key={"connection_id": {"S": connection_id}},
                    UpdateExpression=(
                        "SET token_exp = :exp, due_at = :due, issued_at = :issued, "
                        f"sweep = if_not_exists(sweep, :sweep){sets}{removes}"
                    ),
                    ConditionExpression=f"{condition} AND attribute_not_exists(ending)",
                    ExpressionAttributeValues={
                        ":exp": {"N": str(token_exp)},
                        ":sweep": {"S": schedule_partition(connection_id, self._schedule_partitions)},
                        ":due": {"N": str(due_at)},
                        ":issued": {"N": str(issued_at)},
                        **token_values,
                        **values,
                    },
                    ReturnValues="ALL_NEW",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            )
        except ConditionFailed as unchanged:
            # No record, a later expiry, or the janitor is closing the connection.
            record = unchanged.refused[0]
            return None if record is None or "ending" in record else connection_from(record)

        return connection_from(response["Attributes"])


def _token_update(token_id: str | None, permissions: Permissions) -> tuple[str, str, Item]:
    """What an update sets and removes for a token that may have an id and permissions, and its values."""
    present = _permission_values(permissions)
    if token_id is not None:
        present["token_id"] = {"S": token_id}
    known = ["token_id", *(PERMITTED + name for name in Permissions._fields)]
    absent = [name for name in known if name not in present]

    sets = "".join(f", {name} = :{name}" for name in present)
    removes = f" REMOVE {', '.join(absent)}" if absent else ""
    return sets, removes, {f":{name}": value for name, value in present.items()}


def _may_replace(token_of: Connection | None) -> tuple[str, Item]:
    """The condition that a record's token may be replaced, and its values."""
    if token_of is None:
        return "token_exp < :exp", {}
    condition = "token_exp = :was_exp AND issued_at = :was_issued"
    values: Item = {
        ":was_exp": {"N": str(token_of.token_exp)},
        ":was_issued": {"N": str(token_of.issued_at)},
    }
    if token_of.token_id is None:
        return f"{condition} AND attribute_not_exists(token_id)", values
    return f"{condition} AND token_id = :was_id", {**values, ":was_id": {"S": token_of.token_id}}


def _unchanged(known: Connection) -> dict[str, Any]:
    """The parameters of a condition that a record's memberships are those of `known`.

    By group and shard alone: what else a subscription holds does not say where its membership is. For 50
    subscriptions this is half of the 4 KB that an expression may have.
    """
    conditions = ["attribute_exists(connection_id)", "size(#s) = :count"]
    names = {"#s": "subscriptions"}
    values: Item = {":count": {"N": str(len(known.subscriptions))}}
    for number, subscription in enumerate(known.subscriptions.values()):
        names[f"#{number}"] = subscription.topic
        values |= {
            f":g{number}": {"S": subscription.group_id},
            f":s{number}": {"N": str(subscription.shard)},
        }
        conditions.append(f"#s.#{number}.g = :g{number} AND #s.#{number}.s = :s{number}")
    return {
        "ConditionExpression": " AND ".join(conditions),
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
    }
