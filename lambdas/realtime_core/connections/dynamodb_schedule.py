"""The connections by when they next need looking at: an index of the connections table.

`sweep` spreads the records over a few partitions of the index, in each of which they are in the order of
`due_at`. Looking for what is due reads what is due and nothing else, however many connections there are.
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
SWEEPS = 8
"""Outside limit: a partition takes 1,000 writes a second, and a move in the index is two of them."""
PAGE = 200
"""Records that are taken on together; what one run holds in its hands when its time is up is a page."""


def schedule_partition(connection_id: str) -> str:
    """The partition of the index that a connection is in."""
    return str(shard_of(connection_id, SWEEPS))


def schedule_item(record: ScheduledConnection) -> Item:
    """What a new connection's item holds for the index."""
    return {"sweep": {"S": schedule_partition(record.connection_id)}, "due_at": {"N": str(record.due_at)}}


class DynamoSchedule:
    """`Schedule` on DynamoDB. One of these may be shared between threads."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def due(self, now: int) -> Iterator[list[ScheduledConnection]]:
        """What is due, a page of each partition in turn, the longest overdue first (one query a page)."""
        partitions = [self._due(str(number), now) for number in range(SWEEPS)]
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
        """Take a record on until a moment, unless it changed or another run has it (one write).

        `ending` says that the connection is about to be closed: its token cannot be refreshed any more.
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
        """Store what became of a record that was due, or claimed until, a moment (one write).

        A record that changed meanwhile, because the client refreshed its token, stays due when that made it
        due; what it was sent is remembered all the same. A record that was removed stays removed.
        """
        sent, values = _sent(record)
        due = {":due": {"N": str(record.due_at)}, ":was": {"N": str(claimed_until)}}
        settled = self._update(
            record.connection_id, f"SET due_at = :due{sent}", "due_at = :was", {**values, **due}
        )
        if not settled and sent:
            expression = f"SET {sent.removeprefix(', ')}"
            self._update(record.connection_id, expression, "attribute_exists(connection_id)", values)

    def count(self) -> int:
        """How many records there are, without reading them one by one (a query for each MB of the index)."""
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - only the janitor counts

        with ThreadPoolExecutor(SWEEPS, thread_name_prefix="count") as pool:
            return sum(pool.map(self._count, map(str, range(SWEEPS))))

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
            yield [_tended(item) for item in items]

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


def _sent(record: ScheduledConnection) -> tuple[str, dict[str, Any]]:
    """What a record says of the frames that were sent, as a part of an update."""
    expression = ""
    values: dict[str, Any] = {}
    if record.warned_exp:
        expression += ", warned_exp = :warned"
        values[":warned"] = {"N": str(record.warned_exp)}
    if record.handed_over:
        expression += ", handed_over = :handed"
        values[":handed"] = {"BOOL": True}
    return expression, values


def _tended(item: Item) -> ScheduledConnection:
    return ScheduledConnection(
        connection_id=item["connection_id"]["S"],
        connected_at=int(item["connected_at"]["N"]),
        token_exp=int(item["token_exp"]["N"]),
        due_at=int(item["due_at"]["N"]),
        warned_exp=int(item.get("warned_exp", {"N": "0"})["N"]),
        handed_over="handed_over" in item,
    )
