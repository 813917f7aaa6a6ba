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

POSITION_SECONDS = 1.0
"""How long a process takes a position for the newest one. All subscriptions of a deployment read one item."""


class ConnectionLookup(Protocol):
    """Reads a connection's record together with another item."""

    def start_record(self, connection_id: str) -> StartedCall[tuple[Connection | None, Any]]:
        """The connection's record, or None, and nothing else (one consistent read)."""

    def start_newest(self, connection_id: str, now: float) -> StartedCall[tuple[Connection | None, int]]:
        """The connection's record, or None, and what `start_position` has (one consistent read)."""

    def start_position(self, now: float) -> StartedCall[int]:
        """The history's newest position, or one that was the newest less than a second ago (a read or none).

        An older one is as good where nothing may be missed after it: what it precedes is repeated at most.
        """

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
        self._newest = (0.0, 0)
        """When a newest position was about to be read, epoch seconds, and the position."""

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

    def start_newest(self, connection_id: str, now: float) -> StartedCall[tuple[Connection | None, int]]:
        """The connection's record, or None, and what `start_position` has."""
        if (known := self._known_position(now)) is not None:
            return self.start_record(connection_id).then(lambda found: (found[0], known))
        both = self._start_both(connection_id, COUNTER)
        return both.then(lambda found: (found[0], self._note_position(found[1], now)))

    def start_position(self, now: float) -> StartedCall[int]:
        """The newest position of the history, as of less than a second ago."""
        if (known := self._known_position(now)) is not None:
            return StartedCall(lambda: known)
        # A batch of one: the function has no permission for GetItem on this table.
        alone = start_get_all(self._client, {self._history_table: [COUNTER]})
        return alone.then(
            lambda found: self._note_position(next(iter(found[self._history_table]), None), now)
        )

    def _known_position(self, now: float) -> int | None:
        at, position = self._newest
        return position if 0 <= now - at < POSITION_SECONDS else None

    def _note_position(self, counter: Item | None, now: float) -> int:
        position = read_number(counter or {}, "n")
        self._newest = (now, position)
        return position

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
