"""The chunks of queued events: how many there are, and which need no further attempt.

The two are told in either order: a chunk may be posted before its publisher has said how many there are.

A large audience may take longer to push than a batch stays in flight by itself. So the chunks that are
completed extend it from time to time, until the last one, or until nothing is completed any more.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from realtime_core.aws.dynamodb import ConditionFailed, Item, number, perform, read_number
from realtime_core.history.base import positions_by_batch
from realtime_core.history.dynamodb_in_flight import DynamoInFlight
from realtime_core.history.dynamodb_items import chunks_key
from realtime_core.history.overtaken import EXTENSION_SECONDS
from realtime_core.lifetimes import DAY_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from types_boto3_dynamodb.client import DynamoDBClient

    from realtime_core.history.base import BatchPositions, PublishClaim


_ENDS = "expires_at = if_not_exists(expires_at, :end)"
_EXPECT = f"SET expected = :expected, settles = :settles, extended_at = :now, {_ENDS}"
_COMPLETE = f"ADD done :chunks SET {_ENDS}"


class DynamoChunks:
    """`Chunks` on DynamoDB, and what the publisher tells of them. `now` returns epoch seconds."""

    def __init__(self, client: DynamoDBClient, table: str, now: Callable[[], float] = time.time) -> None:
        self._client, self._table, self._now = client, table, now
        self._in_flight = DynamoInFlight(client, table)

    def expect(self, tracking_id: int, chunks: int, claims: Sequence[PublishClaim]) -> None:
        """Record the number of chunks that push events of topics (one write)."""
        settles = [_encode(part) for part in positions_by_batch(claims)]
        values: Item = {":expected": number(chunks), ":settles": {"L": settles}}
        self._record(tracking_id, _EXPECT, {**values, ":now": number(int(self._now()))})

    def complete_chunks(self, tracking_id: int, chunks: Collection[int]) -> None:
        """Record that chunks are done (one write); the last ones settle the events (two more)."""
        self._record(tracking_id, _COMPLETE, {":chunks": {"NS": [str(chunk) for chunk in chunks]}})

    def _record(self, tracking_id: int, expression: str, values: Item) -> None:
        now_s = int(self._now())
        more: Any = {**values, ":end": number(now_s + 2 * DAY_SECONDS)}
        key = chunks_key(tracking_id)
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
        if "expected" not in item:
            return
        if len(item.get("done", {"NS": []})["NS"]) >= read_number(item, "expected"):
            for batch, size, positions in _settled_by(item, tracking_id):
                self._in_flight.settle(batch, size, positions, now_s)
            perform(lambda: self._client.delete_item(TableName=self._table, Key=key))
        elif now_s - read_number(item, "extended_at", now_s) >= EXTENSION_SECONDS:
            self._extend(tracking_id, item, now_s)

    def _extend(self, tracking_id: int, item: Any, now_s: int) -> None:
        """Keep the batches of an item in flight (a write, and one for each batch); one caller does."""
        try:
            perform(
                lambda: self._client.update_item(
                    TableName=self._table,
                    Key=chunks_key(tracking_id),
                    UpdateExpression="SET extended_at = :now",
                    ConditionExpression="extended_at = :before",
                    ExpressionAttributeValues={":now": number(now_s), ":before": item["extended_at"]},
                )
            )
        except ConditionFailed:
            return
        for batch, _, _ in _settled_by(item, tracking_id):
            self._in_flight.extend(batch, now_s)


def _encode(part: BatchPositions) -> Item:
    batch, size, positions = part
    return {
        "M": {
            "batch_id": number(batch),
            "batch_size": number(size),
            "positions": {"NS": [str(position) for position in positions]},
        }
    }


def _settled_by(item: Any, tracking_id: int) -> list[tuple[int, int, list[int]]]:
    """The batches, their sizes and the positions that the chunks of an item settle."""
    if "settles" not in item:
        # An earlier version counts the chunks of one event, by its position.
        return [(read_number(item, "batch_id"), read_number(item, "batch_size", 1), [tracking_id])]
    parts = [part["M"] for part in item["settles"]["L"]]
    return [
        (
            read_number(part, "batch_id"),
            read_number(part, "batch_size"),
            [int(position) for position in part["positions"]["NS"]],
        )
        for part in parts
    ]
