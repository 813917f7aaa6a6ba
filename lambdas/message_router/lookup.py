"""The lookup at the start of an action: the connection's record and another item, in one read.

It is started before the action is counted, so that both wait for their stores together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from realtime_core.aws.dynamodb import Item, read_number, start, start_get_all
from realtime_core.connections.base import Connection
from realtime_core.connections.dynamodb import connection_from
from realtime_core.history.dynamodb_items import COUNTER
from realtime_core.redis.dynamodb_health import HEALTH, health_from
from realtime_core.redis.health import Health
from realtime_core.started_call import StartedCall

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


class ConnectionLookup(Protocol):
    """Reads a connection's record together with another item."""

    def start_record(self, connection_id: str) -> StartedCall[tuple[Connection | None, Any]]:
        """The connection's record, or None, and nothing else (one consistent read)."""

    def start_newest(self, connection_id: str) -> StartedCall[tuple[Connection | None, int]]:
        """The connection's record, or None, and the history's newest position (one consistent read)."""

    def start_health(self, connection_id: str) -> StartedCall[tuple[Connection | None, Health | None]]:
        """The connection's record, or None, and the last health report of Redis (one consistent read).

        The report is None if there is none, or no Redis.
        """


class DynamoConnectionLookup:
    """`ConnectionLookup` on DynamoDB: one consistent BatchGetItem over two tables.

    Without `has_index` there is no health record, and none is read.
    """

    def __init__(
        self, client: DynamoDBClient, connections_table: str, history_table: str, *, has_index: bool = False
    ) -> None:
        self._client = client
        self._connections_table = connections_table
        self._history_table = history_table
        self._has_index = has_index

    def start_record(self, connection_id: str) -> StartedCall[tuple[Connection | None, Any]]:
        """The connection's record, or None, and nothing else."""
        return start(
            self._client,
            "GetItem",
            lambda output: (connection_from(output.get("Item")), None),
            TableName=self._connections_table,
            Key={"connection_id": {"S": connection_id}},
            ConsistentRead=True,
        )

    def start_newest(self, connection_id: str) -> StartedCall[tuple[Connection | None, int]]:
        """The connection's record, or None, and the newest position of the history."""
        both = self._start_both(connection_id, COUNTER)
        return both.then(lambda found: (found[0], read_number(found[1] or {}, "n")))

    def start_health(self, connection_id: str) -> StartedCall[tuple[Connection | None, Health | None]]:
        """The connection's record, or None, and the last health report of Redis, or None."""
        if self._has_index:
            both = self._start_both(connection_id, HEALTH)
            return both.then(lambda found: (found[0], health_from(found[1])))

        return self.start_record(connection_id)

    def _start_both(
        self, connection_id: str, key: Item
    ) -> StartedCall[tuple[Connection | None, Item | None]]:
        """A connection's record, and an item of the history table."""
        batch = start_get_all(
            self._client,
            {self._connections_table: [{"connection_id": {"S": connection_id}}], self._history_table: [key]},
        )

        def pair(found: dict[str, list[Item]]) -> tuple[Connection | None, Item | None]:
            record = next(iter(found[self._connections_table]), None)
            return connection_from(record), next(iter(found[self._history_table]), None)

        return batch.then(pair)
