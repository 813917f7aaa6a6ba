"""The schedule on DynamoDB: an index of the connections table by due time.

`sweep` distributes the records over a few partitions of the index, which each sort them by `due_at`. So a
query reads only the records that are due, however many connections there are.

The number of partitions may grow at any time: a record stays where it was written, and the partitions of a
smaller number are among those of a larger one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from realtime_core.aws.dynamodb import ConditionFailed, Item, perform, query
from realtime_core.connections.schedule import PARTITIONS, Place, ScheduledConnection
from realtime_core.ids import shard_of

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

DUE_INDEX = "DueIndex"
PAGE = 200
"""Records that are settled together; a run that is out of time leaves at most a page unfinished."""


def schedule_partition(connection_id: str, partitions: int) -> str:
    """The index partition of a connection."""
    return str(shard_of(connection_id, partitions))


def schedule_item(record: ScheduledConnection, partitions: int) -> Item:
    """The attributes of a new connection's item for the index."""
    return {
        "sweep": {"S": schedule_partition(record.connection_id, partitions)},
        "due_at": {"N": str(record.due_at)},
    }


class DynamoSchedule:
    """`Schedule` on DynamoDB. Threads may share an instance.

    `partitions` is the largest number that the writers have used.
    """

    def __init__(self, client: DynamoDBClient, table: str, partitions: int = PARTITIONS) -> None:
        self._client = client
        self._table = table
        self.partitions = partitions

    def due(
        self, partition: int, now: int, after: Place | None = None
    ) -> Iterator[list[ScheduledConnection]]:
        """The due records of a partition, page by page, the longest overdue first (a query a page)."""
        sweep: Item = {"S": str(partition)}
        parameters: dict[str, Any] = {
            "TableName": self._table,
            "IndexName": DUE_INDEX,
            "KeyConditionExpression": "sweep = :sweep AND due_at <= :now",
            "ExpressionAttributeValues": {":sweep": sweep, ":now": {"N": str(now)}},
            "Limit": PAGE,
        }
        if after is not None and after.due_at <= now:
            parameters["ExclusiveStartKey"] = _start_key(sweep, after)
        for items, _ in query(self._client, **parameters):
            if items:
                yield [_scheduled(item) for item in items]

    def walk(
        self, partition: int, now: int, after: Place | None, limit: int
    ) -> tuple[list[ScheduledConnection], Place | None]:
        """Up to `limit` records that are not due, in order, and the place to go on from; None at the end."""
        sweep: Item = {"S": str(partition)}
        parameters: dict[str, Any] = {
            "TableName": self._table,
            "IndexName": DUE_INDEX,
            "KeyConditionExpression": "sweep = :sweep AND due_at > :now",
            "ExpressionAttributeValues": {":sweep": sweep, ":now": {"N": str(now)}},
            "Limit": limit,
        }
        # Outside limit: DynamoDB refuses to start at a key that the condition excludes.
        if after is not None and after.due_at > now:
            parameters["ExclusiveStartKey"] = _start_key(sweep, after)

        page = perform(lambda: self._client.query(**parameters))
        last = page.get("LastEvaluatedKey")
        end = Place(int(last["due_at"]["N"]), last["connection_id"]["S"]) if last else None
        return [_scheduled(item) for item in page["Items"]], end

    def claim(self, record: ScheduledConnection, until: int) -> bool:
        """Claim a record until a time to close its connection (one write).

        False if it has changed or another run has claimed it. Its token can no longer be refreshed.
        """
        values: dict[str, Any] = {
            ":until": {"N": str(until)},
            ":ending": {"BOOL": True},
            ":due": {"N": str(record.due_at)},
            ":exp": {"N": str(record.token_exp)},
        }
        return self._update(
            record.connection_id,
            "SET due_at = :until, ending = :ending",
            "due_at = :due AND token_exp = :exp",
            values,
        )

    def settle(self, was_due_at: int, record: ScheduledConnection) -> None:
        """Store the frames sent and the next due time of a record that has the `due_at` of `was_due_at`.

        One write. If the client has refreshed its token meanwhile, the record keeps the due time of the
        refresh, and the frames sent are stored with a second write. A removed record stays removed.
        """
        sent, values = _sent_frames(record)
        due = {":due": {"N": str(record.due_at)}, ":was": {"N": str(was_due_at)}}
        settled = self._update(
            record.connection_id, f"SET due_at = :due{sent}", "due_at = :was", {**values, **due}
        )
        if not settled and sent:
            expression = f"SET {sent.removeprefix(', ')}"
            self._update(record.connection_id, expression, "attribute_exists(connection_id)", values)

    def count(self, partition: int) -> int:
        """How many connections have a record in a partition (a query for each MB, without its items)."""
        parameters: dict[str, Any] = {
            "TableName": self._table,
            "IndexName": DUE_INDEX,
            "KeyConditionExpression": "sweep = :sweep",
            "ExpressionAttributeValues": {":sweep": {"S": str(partition)}},
            "Select": "COUNT",
        }
        total = 0
        while True:
            page = perform(lambda: self._client.query(**parameters))
            total += page["Count"]
            if not page.get("LastEvaluatedKey"):
                return total
            parameters["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def _update(self, connection_id: str, expression: str, condition: str, values: dict[str, Any]) -> bool:
        try:
            perform(
                lambda: self._client.update_item(
                    TableName=self._table,
                    Key={"connection_id": {"S": connection_id}},
                    UpdateExpression=expression,
                    ConditionExpression=condition,
                    ExpressionAttributeValues=values,
                )
            )
        except ConditionFailed:
            return False
        return True


def _start_key(sweep: Item, after: Place) -> Item:
    return {
        "sweep": sweep,
        "due_at": {"N": str(after.due_at)},
        "connection_id": {"S": after.connection_id},
    }


def _sent_frames(record: ScheduledConnection) -> tuple[str, dict[str, Any]]:
    """The frames sent to a connection, as a part of an update expression with its values."""
    expression = ""
    values: dict[str, Any] = {}
    if record.warned_exp:
        expression += ", warned_exp = :warned"
        values[":warned"] = {"N": str(record.warned_exp)}
    if record.handed_over:
        expression += ", handed_over = :handed"
        values[":handed"] = {"BOOL": True}
    return expression, values


def _scheduled(item: Item) -> ScheduledConnection:
    return ScheduledConnection(
        connection_id=item["connection_id"]["S"],
        connected_at=int(item["connected_at"]["N"]),
        token_exp=int(item["token_exp"]["N"]),
        due_at=int(item["due_at"]["N"]),
        warned_exp=int(item.get("warned_exp", {"N": "0"})["N"]),
        handed_over="handed_over" in item,
    )
