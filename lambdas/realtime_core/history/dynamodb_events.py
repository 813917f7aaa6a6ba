"""The history table as a replay reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from realtime_core.aws.dynamodb import Item, number, perform, read_number, start
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
from realtime_core.schema import EVENT

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

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
        """The stored events from `first` to `last`, in order: a query for each hundred positions or 1 MB.

        Raises NewerRecord for one that this release cannot read: leaving it out would be a gap.
        """
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

    def events_back(self, last: int, first: int) -> Generator[EventPage]:
        """The stored events from `last` down to `first`: queries of two, four, eight … partitions at once.

        Events that this release cannot read are left out.
        """
        buckets = range(last // BUCKET_EVENTS, first // BUCKET_EVENTS - 1, -1) if first <= last else range(0)
        size = 2
        while buckets:
            started = [
                start(self._client, "Query", **self._back(bucket, first, last)) for bucket in buckets[:size]
            ]
            try:
                for bucket, call in zip(buckets, started, strict=False):
                    yield from self._pages_back(bucket, call.result(), first, last)
            finally:
                for call in started:
                    call.discard()  # a page that nobody has asked for
            buckets, size = buckets[size:], size * 2

    def _pages_back(self, bucket: int, page: Any, first: int, last: int) -> Iterator[EventPage]:
        """The pages of a partition, newest first: one, or several where it has more than 1 MB."""
        while True:
            events = [_stored_event(item) for item in EVENT.readable(page["Items"])]
            if "LastEvaluatedKey" not in page:
                yield EventPage(events, max(first, bucket * BUCKET_EVENTS))
                return
            after = page["LastEvaluatedKey"]
            yield EventPage(events, read_number(after, "position"))
            parameters = self._back(bucket, first, last) | {"ExclusiveStartKey": after}
            page = perform(lambda: self._client.query(**parameters))  # noqa: B023 - called at once

    def _back(self, bucket: int, first: int, last: int) -> dict[str, Any]:
        return self._parameters(bucket * BUCKET_EVENTS, first, last) | {"ScanIndexForward": False}

    def _query(self, in_bucket: int, first: int, last: int, **more: Any) -> Any:
        """Query the bucket of a position for the events from `first` to `last`."""
        parameters = self._parameters(in_bucket, first, last) | more
        return perform(lambda: self._client.query(**parameters))

    def _parameters(self, in_bucket: int, first: int, last: int) -> dict[str, Any]:
        return {
            "TableName": self._table,
            "ConsistentRead": True,
            "KeyConditionExpression": "pk = :bucket AND #position BETWEEN :first AND :last",
            "ExpressionAttributeNames": {"#position": "position"},
            "ExpressionAttributeValues": {
                ":bucket": {"S": bucket_of(in_bucket)},
                ":first": number(first),
                ":last": number(last),
            },
        }


def _stored_event(item: Item) -> StoredEvent:
    """The event of an item. Raises NewerRecord."""
    EVENT.check(item)
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
