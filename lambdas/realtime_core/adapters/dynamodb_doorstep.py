"""What a new subscription needs to know, in one read: the connection's record and the history's horizon."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from realtime_core.adapters import backoff
from realtime_core.adapters.dynamodb import perform
from realtime_core.adapters.dynamodb_connections import connection_from
from realtime_core.adapters.dynamodb_positions import COUNTER, horizon_from
from realtime_core.domain.history import Horizon
from realtime_core.domain.model import Connection
from realtime_core.errors import StoreUnavailable

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


class DynamoDoorstep:
    """`Doorstep` on DynamoDB: one consistent BatchGetItem over two tables."""

    def __init__(self, client: DynamoDBClient, connections_table: str, history_table: str) -> None:
        self._client = client
        self._connections_table = connections_table
        self._history_table = history_table

    def look(self, connection_id: str, now_s: int) -> tuple[Connection | None, Horizon]:
        """The record as last written, or None, and the horizon."""
        found: dict[str, Any] = {}
        asked: Any = {
            self._connections_table: {
                "Keys": [{"connection_id": {"S": connection_id}}],
                "ConsistentRead": True,
            },
            self._history_table: {"Keys": [COUNTER], "ConsistentRead": True},
        }
        for _ in backoff.attempts():
            pending = asked
            answer = perform(lambda: self._client.batch_get_item(RequestItems=pending))  # noqa: B023 - called at once
            found |= {table: items[0] for table, items in answer["Responses"].items() if items}
            asked = answer.get("UnprocessedKeys")
            if not asked:
                record = found.get(self._connections_table)
                horizon = horizon_from(found.get(self._history_table, {}), now_s)
                return connection_from(record) if record else None, horizon
        raise StoreUnavailable("DynamoDB left a read of two items undone")
