"""Reads what an action needs first in one call: the connection's record, and an item of another table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from realtime_core.aws import backoff
from realtime_core.aws.dynamodb import Item, perform
from realtime_core.connections.base import Connection
from realtime_core.connections.dynamodb import DynamoConnections, connection_from
from realtime_core.errors import StoreUnavailable
from realtime_core.history.base import StreamBounds
from realtime_core.history.in_flight import COUNTER, bounds_from
from realtime_core.redis.dynamodb_health import HEALTH, health_from
from realtime_core.redis.health import Health

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


class ConnectionLookup(Protocol):
    """Looks up a connection, with another record that the action needs, in one read."""

    def connection_and_bounds(self, connection_id: str, now_s: int) -> tuple[Connection | None, StreamBounds]:
        """Return the connection's record as last written, or None, and the history's bounds."""

    def connection_and_health(self, connection_id: str) -> tuple[Connection | None, Health | None]:
        """Return the connection's record as last written, or None, and the last report on Redis.

        The report is None if there was none yet, or there is no Redis.
        """


class DynamoConnectionLookup:
    """`ConnectionLookup` on DynamoDB: one consistent BatchGetItem over two tables.

    `has_index` says that there is a health record to look for.
    """

    def __init__(
        self, client: DynamoDBClient, connections_table: str, history_table: str, *, has_index: bool = False
    ) -> None:
        self._client = client
        self._connections_table = connections_table
        self._history_table = history_table
        self._has_index = has_index
        self._connections = DynamoConnections(client, connections_table)

    def connection_and_bounds(self, connection_id: str, now_s: int) -> tuple[Connection | None, StreamBounds]:
        """Return the record as last written, or None, and the bounds."""
        record, counter = self._read(connection_id, COUNTER)
        return record, bounds_from(counter or {}, now_s)

    def connection_and_health(self, connection_id: str) -> tuple[Connection | None, Health | None]:
        """Return the record as last written, or None, and the last report on Redis, or None."""
        if not self._has_index:
            return self._connections.get(connection_id), None
        record, health = self._read(connection_id, HEALTH)
        return record, health_from(health)

    def _read(self, connection_id: str, key: Item) -> tuple[Connection | None, Item | None]:
        """Read a connection's record, and an item of the history table."""
        items: dict[str, Any] = {}
        keys: Any = {
            self._connections_table: {
                "Keys": [{"connection_id": {"S": connection_id}}],
                "ConsistentRead": True,
            },
            self._history_table: {"Keys": [key], "ConsistentRead": True},
        }

        for _ in backoff.attempts():
            pending = keys
            answer = perform(lambda: self._client.batch_get_item(RequestItems=pending))  # noqa: B023 - called at once
            items |= {table: read[0] for table, read in answer["Responses"].items() if read}
            keys = answer.get("UnprocessedKeys")
            if not keys:
                record = items.get(self._connections_table)
                return connection_from(record) if record else None, items.get(self._history_table)

        raise StoreUnavailable("DynamoDB left a read of two items undone")
