"""The lookup at the start of an action: the connection's record and another item, in one read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from realtime_core.aws.dynamodb import Item, get_all, read_number
from realtime_core.connections.base import Connection
from realtime_core.connections.dynamodb import DynamoConnections, connection_from
from realtime_core.history.dynamodb_items import COUNTER
from realtime_core.redis.dynamodb_health import HEALTH, health_from
from realtime_core.redis.health import Health

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


class ConnectionLookup(Protocol):
    """Reads a connection's record together with another item."""

    def connection_and_newest(self, connection_id: str) -> tuple[Connection | None, int]:
        """The connection's record, or None, and the history's newest position (one consistent read)."""

    def connection_and_health(self, connection_id: str) -> tuple[Connection | None, Health | None]:
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
        self._connections = DynamoConnections(client, connections_table)

    def connection_and_newest(self, connection_id: str) -> tuple[Connection | None, int]:
        """The connection's record, or None, and the newest position of the history."""
        record, counter = self._read_both(connection_id, COUNTER)
        return record, read_number(counter or {}, "n")

    def connection_and_health(self, connection_id: str) -> tuple[Connection | None, Health | None]:
        """The connection's record, or None, and the last health report of Redis, or None."""
        if not self._has_index:
            return self._connections.get(connection_id), None
        record, health = self._read_both(connection_id, HEALTH)
        return record, health_from(health)

    def _read_both(self, connection_id: str, key: Item) -> tuple[Connection | None, Item | None]:
        """A connection's record, and an item of the history table."""
        found = get_all(
            self._client,
            {self._connections_table: [{"connection_id": {"S": connection_id}}], self._history_table: [key]},
        )
        record = next(iter(found[self._connections_table]), None)
        return connection_from(record) if record else None, next(iter(found[self._history_table]), None)
