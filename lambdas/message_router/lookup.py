"""What an action needs to know first, in one read: the connection's record, and something beside it."""

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
    """What an action needs to know before it begins, in one read."""

    def connection_and_bounds(self, connection_id: str, now_s: int) -> tuple[Connection | None, StreamBounds]:
        """The connection's record as last written, or None, and the history's bounds."""

    def connection_and_health(self, connection_id: str) -> tuple[Connection | None, Health | None]:
        """The connection's record as last written, or None, and the last report on Redis.

        None for that where nobody has reported, or there is no Redis.
        """


class DynamoConnectionLookup:
    """`ConnectionLookup` on DynamoDB: one consistent BatchGetItem over two tables.

    `has_index` says that somebody keeps a health record; without, nobody looks for one.
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
        """The record as last written, or None, and the bounds."""
        record, counter = self._both(connection_id, COUNTER)
        return record, bounds_from(counter or {}, now_s)

    def connection_and_health(self, connection_id: str) -> tuple[Connection | None, Health | None]:
        """The record as last written, or None, and the last report on Redis, or None."""
        if not self._has_index:
            return self._connections.get(connection_id), None
        record, health = self._both(connection_id, HEALTH)
        return record, health_from(health)

    def _both(self, connection_id: str, key: Item) -> tuple[Connection | None, Item | None]:
        """A connection's record, and an item of the history table."""
        found: dict[str, Any] = {}
        asked: Any = {
            self._connections_table: {
                "Keys": [{"connection_id": {"S": connection_id}}],
                "ConsistentRead": True,
            },
            self._history_table: {"Keys": [key], "ConsistentRead": True},
        }
        for _ in backoff.attempts():
            pending = asked
            answer = perform(lambda: self._client.batch_get_item(RequestItems=pending))  # noqa: B023 - called at once
            found |= {table: items[0] for table, items in answer["Responses"].items() if items}
            asked = answer.get("UnprocessedKeys")
            if not asked:
                record = found.get(self._connections_table)
                return connection_from(record) if record else None, found.get(self._history_table)
        raise StoreUnavailable("DynamoDB left a read of two items undone")
