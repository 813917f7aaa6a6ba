"""The chunks of queued events: how many there are, and which need no further attempt.

The two are told in either order: a chunk may be posted before its publisher has said how many there are.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from realtime_core.aws.dynamodb import Item, number, perform, read_number
from realtime_core.history.dynamodb_in_flight import DynamoInFlight
from realtime_core.history.dynamodb_items import chunks_key
from realtime_core.lifetimes import DAY_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_dynamodb.client import DynamoDBClient

    from realtime_core.history.base import PublishClaim


_ENDS = "expires_at = if_not_exists(expires_at, :end)"
_EXPECT = f"SET expected = :expected, batch_id = :batch, batch_size = :size, {_ENDS}"
_COMPLETE = f"ADD done :chunk SET {_ENDS}"


class DynamoChunks:
    """`Chunks` on DynamoDB, and what the publisher tells of them. `now` returns epoch seconds."""

    def __init__(self, client: DynamoDBClient, table: str, now: Callable[[], float] = time.time) -> None:
        self._client, self._table, self._now = client, table, now
        self._in_flight = DynamoInFlight(client, table)

    def expect(self, claim: PublishClaim, chunks: int) -> None:
        """Record the number of chunks that push an event of a topic (one write)."""
        assert claim.position is not None, "a notification has no position"  # noqa: S101
        values = {
            ":expected": number(chunks),
            ":batch": number(claim.batch),
            ":size": number(claim.batch_size),
        }
        self._record(claim.position, _EXPECT, values)

    def complete_chunk(self, position: int, chunk: int) -> None:
        """Record that a chunk is done (one write); the last one settles the position (two more)."""
        self._record(position, _COMPLETE, {":chunk": {"NS": [str(chunk)]}})

    def _record(self, position: int, expression: str, values: Item) -> None:
        now_s = int(self._now())
        more: Any = {**values, ":end": number(now_s + 2 * DAY_SECONDS)}
        key = chunks_key(position)
        response = perform(
            lambda: self._client.update_item(
                TableName=self._table,
                Key=key,
                UpdateExpression=expression,
                ExpressionAttributeValues=more,
                ReturnValues="ALL_NEW",
            )
        )

        item = response["Attributes"]
        if "expected" in item and len(item.get("done", {"NS": []})["NS"]) >= read_number(item, "expected"):
            self._in_flight.settle(
                read_number(item, "batch_id"), read_number(item, "batch_size", 1), position, now_s
            )
            perform(lambda: self._client.delete_item(TableName=self._table, Key=key))
