"""The history table as a replay reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from realtime_core.aws.dynamodb import Item, number, perform, read_number
from realtime_core.history.base import (
    SEARCHED_POSITIONS,
    EventPage,
    HistoryBounds,
    StoredEvent,
    decode_event,
)
from realtime_core.history.dynamodb_in_flight import DynamoInFlight
from realtime_core.history.dynamodb_items import BUCKET_EVENTS, bucket_of
from realtime_core.history.dynamodb_positions import read_bounds
from realtime_core.history.overtaken import NOTHING, Overtaken, decode_overtaken, lowest_position

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_dynamodb.client import DynamoDBClient

SEARCHED_BUCKETS = SEARCHED_POSITIONS // BUCKET_EVENTS + 1
"""Partitions that are searched for an event below a position that has none. Such gaps are short: publishers
that died, and publishers of one event that ran at once."""


class DynamoHistory:
    """`History` on DynamoDB."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client, self._table = client, table

    def bounds(self) -> HistoryBounds:
        """The range of the history (one consistent read)."""
        return read_bounds(self._client, self._table)[0]

    def settled(self, now_s: int) -> int:
        """The position below which nothing is in flight; a lower bound where that is not known exactly."""
        lowest = DynamoInFlight(self._client, self._table).lowest(now_s)
        bounds = self.bounds()
        first = lowest_position([lowest]) if lowest is not None else None
        return bounds.newest if first is None else max(first, bounds.floor) - 1

    def last_event_until(self, position: int, floor: int) -> StoredEvent | None:
        """The stored event at `position`, or the nearest below it (one query, up to SEARCHED_BUCKETS)."""
        bucket = position // BUCKET_EVENTS
        for number_ in range(bucket, max(bucket - SEARCHED_BUCKETS, floor // BUCKET_EVENTS - 1), -1):
            page = self._query(number_ * BUCKET_EVENTS, floor, position, ScanIndexForward=False, Limit=1)
            if page["Items"]:
                return _stored_event(page["Items"][0])
        return None

    def events(self, first: int, last: int) -> Iterator[EventPage]:
        """The stored events from `first` to `last`, in order: a query for each hundred positions or 1 MB."""
        if first > last:
            return  # DynamoDB refuses such a range
        for bucket in range(first // BUCKET_EVENTS, last // BUCKET_EVENTS + 1):
            more: dict[str, Any] = {}
            while True:
                page = self._query(bucket * BUCKET_EVENTS, first, last, **more)
                events = [_stored_event(item) for item in page["Items"]]
                if "LastEvaluatedKey" not in page:
                    yield EventPage(events, min(last, (bucket + 1) * BUCKET_EVENTS - 1))
                    break
                more = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
                yield EventPage(events, read_number(page["LastEvaluatedKey"], "position"))

    def _query(self, in_bucket: int, first: int, last: int, **more: Any) -> Any:
        """Query the bucket of a position for the events from `first` to `last`."""
        return perform(
            lambda: self._client.query(
                TableName=self._table,
                ConsistentRead=True,
                KeyConditionExpression="pk = :bucket AND #position BETWEEN :first AND :last",
                ExpressionAttributeNames={"#position": "position"},
                ExpressionAttributeValues={
                    ":bucket": {"S": bucket_of(in_bucket)},
                    ":first": number(first),
                    ":last": number(last),
                },
                **more,
            )
        )


def _stored_event(item: Item) -> StoredEvent:
    position = read_number(item, "position")
    return decode_event(
        item["v"]["S"],
        position=position,
        at_ms=read_number(item, "at"),
        overtaken=_overtaken(item, position),
        batch=read_number(item, "batch_id"),
    )


def _overtaken(item: Item, position: int) -> Overtaken:
    """What an event may have overtaken: nothing where `low` is its own position.

    The first release stored nothing but `low`.
    """
    low = read_number(item, "low", position)
    if low == position:
        return NOTHING
    return decode_overtaken(low, item["overtook"]["S"]) if "overtook" in item else Overtaken(low, None)
