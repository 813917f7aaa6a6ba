"""The schedule on DynamoDB: an index of the connections table by due time.

`sweep` distributes the records over a few partitions of the index, which each sort them by `due_at`. So a
query reads only the records that are due, however many connections there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from realtime_core.aws.dynamodb import ConditionFailed, Item, perform, query
from realtime_core.connections.schedule import ScheduledConnection
from realtime_core.ids import shard_of

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

DUE_INDEX = "DueIndex"
PARTITIONS = 8
"""Outside limit: a partition takes 1,000 writes a second, and a changed due time costs two."""
PAGE = 200
"""Records that are claimed together; a run that is out of time leaves at most a page unfinished."""


def schedule_partition(connection_id: str) -> str:
    """The index partition of a connection."""
    return str(shard_of(connection_id, PARTITIONS))


def schedule_item(record: ScheduledConnection) -> Item:
    """The attributes of a new connection's item for the index."""
    return {"sweep": {"S": schedule_partition(record.connection_id)}, "due_at": {"N": str(record.due_at)}}


class DynamoSchedule:
    """`Schedule` on DynamoDB. Threads may share an instance."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def due(self, now: int) -> Iterator[list[ScheduledConnection]]:
        """The due records, a page of each partition in turn, the longest overdue first (a query a page)."""
        partitions = [self._due(str(number), now) for number in range(PARTITIONS)]
        while partitions:
            left = []
            for pages in partitions:
                page = next(pages, None)
                if page is not None:
                    left.append(pages)
                    if page:
                        yield page
            partitions = left

    def claim(self, record: ScheduledConnection, until: int, *, ending: bool = False) -> bool:
        """Claim a record until a time (one write). False if it has changed or another run has claimed it.

        With `ending`, the connection's token can no longer be refreshed.
        """
        values: dict[str, Any] = {
            ":until": {"N": str(until)},
            ":due": {"N": str(record.due_at)},
            ":exp": {"N": str(record.token_exp)},
        }
        if ending:
            values[":ending"] = {"BOOL": True}
        return self._update(
            record.connection_id,
            "SET due_at = :until" + (", ending = :ending" if ending else ""),
            "due_at = :due AND token_exp = :exp",
            values,
        )

    def settle(self, claimed_until: int, record: ScheduledConnection) -> None:
        """Store the frames sent and the next due time of a record with the `due_at` of `claimed_until`.

        One write. If the client has refreshed its token meanwhile, the record keeps the due time of the
        refresh, and the frames sent are stored with a second write. A removed record stays removed.
        """
        sent, values = _sent_frames(record)
        due = {":due": {"N": str(record.due_at)}, ":was": {"N": str(claimed_until)}}
        settled = self._update(
            record.connection_id, f"SET due_at = :due{sent}", "due_at = :was", {**values, **due}
        )
        if not settled and sent:
            expression = f"SET {sent.removeprefix(', ')}"
            self._update(record.connection_id, expression, "attribute_exists(connection_id)", values)

    def count(self) -> int:
        """How many connections have a record (a query for each MB of the index, without its items)."""
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - only the janitor counts

        with ThreadPoolExecutor(PARTITIONS, thread_name_prefix="count") as pool:
            return sum(pool.map(self._count, map(str, range(PARTITIONS))))

    def _due(self, sweep: str, now: int) -> Iterator[list[ScheduledConnection]]:
        pages = query(
            self._client,
            TableName=self._table,
            IndexName=DUE_INDEX,
            KeyConditionExpression="sweep = :sweep AND due_at <= :now",
            ExpressionAttributeValues={":sweep": {"S": sweep}, ":now": {"N": str(now)}},
            Limit=PAGE,
        )
        for items, _ in pages:
            yield [_scheduled(item) for item in items]

    def _count(self, sweep: str) -> int:
        parameters: dict[str, Any] = {
            "TableName": self._table,
            "IndexName": DUE_INDEX,
            "KeyConditionExpression": "sweep = :sweep",
            "ExpressionAttributeValues": {":sweep": {"S": sweep}},
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
