"""Removal of old events from the history table, once a minute by the janitor.

The floor rises before items are removed, so readers know what may be missing; `trimmed` follows when they are
gone. A run that dies leaves the two apart, and the next one begins at `trimmed`. Positions without an event
are passed over. The time to live of an event's item (90 days) removes what no run has: an event counts as
removed a day before, however few came after it. Where an event has an end of its own, its item may go long
before: once an hour a run also looks beyond partitions of which nothing is left.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from realtime_core.aws.dynamodb import BATCH_MAX, number, query, read_number, write_batch
from realtime_core.concurrency import batches, map_concurrently
from realtime_core.history.base import EVENT_LIFETIME_SECONDS, HISTORY_SECONDS, KEPT_POSITIONS
from realtime_core.history.dynamodb_in_flight import DynamoInFlight
from realtime_core.history.dynamodb_items import BUCKET_EVENTS, bucket_of, event_key
from realtime_core.history.dynamodb_positions import begin, raise_floor, read_bounds
from realtime_core.lifetimes import DAY_SECONDS

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

SLAB_BUCKETS = 16
"""Partitions that are read at once, and whose events are removed at once."""
LOOK_BEYOND_MINUTES = 60
_MINUTE_MS = 60_000


class _OldEvents(NamedTuple):
    positions: list[int]
    """Of events to remove."""
    end: int
    """The first position that does not count as removed."""
    is_last: bool
    """Whether a younger event or the end was met."""
    beyond: int | None = None
    """The first position that was not looked at, where no event was met before it."""


class DynamoTrimming:
    """`Trimming` on DynamoDB."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client, self._table = client, table
        self._in_flight = DynamoInFlight(client, table)

    def trim(self, now_ms: int, seconds: float) -> int:
        """Remove old events, 1,600 positions at once: 16 queries, two writes of the floor, a write for 25."""
        deadline = time.monotonic() + seconds
        bounds, trimmed = read_bounds(self._client, self._table)
        if not bounds.newest:
            begin(self._client, self._table, now_ms)
            return 0

        self._in_flight.tidy_all(now_ms // 1000, time.monotonic() + seconds / 2)
        looks_beyond = now_ms // _MINUTE_MS % LOOK_BEYOND_MINUTES == 0
        removed, floor, start = 0, bounds.floor, trimmed
        while time.monotonic() < deadline:
            old = self._find_old(start, bounds.newest, now_ms // 1000)
            if old.end > start:
                floor = max(floor, old.end)
                raise_floor(self._client, self._table, floor, start)
                map_concurrently(self._remove, batches(old.positions, BATCH_MAX))
                raise_floor(self._client, self._table, floor, old.end)
                removed += len(old.positions)
                start = old.end
            if old.is_last:
                if old.beyond is None or not looks_beyond:
                    break
                start = old.beyond
        return removed

    def _find_old(self, first: int, newest: int, now_s: int) -> _OldEvents:
        """The events from `first` that are to be removed, in the next partitions."""
        start = first // BUCKET_EVENTS
        end = min((start + SLAB_BUCKETS) * BUCKET_EVENTS, newest + 1)
        buckets = range(start, -(-end // BUCKET_EVENTS))
        found = map_concurrently(lambda bucket: self._times(bucket, first, end - 1), buckets)

        positions: list[int] = []
        for position, at in (event for events in found for event in events):
            if not _is_old(position, at, newest, now_s):
                return _OldEvents(positions, positions[-1] + 1 if positions else first, is_last=True)
            positions.append(position)
        # Positions behind the last event may still get one; where there is none at all, publishers have died,
        # or the events have expired.
        beyond = end if not positions and end <= newest else None
        end = positions[-1] + 1 if positions else min(end, newest - KEPT_POSITIONS + 1)
        return _OldEvents(positions, end, is_last=end > newest - KEPT_POSITIONS, beyond=beyond)

    def _times(self, bucket: int, first: int, last: int) -> list[tuple[int, int]]:
        """The positions and times (epoch seconds) of the events of a partition, in order."""
        low, high = max(first, bucket * BUCKET_EVENTS), min(last, (bucket + 1) * BUCKET_EVENTS - 1)
        if low > high:
            return []  # DynamoDB refuses such a range

        pages = query(
            self._client,
            TableName=self._table,
            KeyConditionExpression="pk = :bucket AND #position BETWEEN :first AND :last",
            ProjectionExpression="#position, #at",
            ExpressionAttributeNames={"#position": "position", "#at": "at"},
            ExpressionAttributeValues={
                ":bucket": {"S": bucket_of(low)},
                ":first": number(low),
                ":last": number(high),
            },
        )

        return [
            (read_number(item, "position"), read_number(item, "at") // 1000)
            for items, _ in pages
            for item in items
        ]

    def _remove(self, positions: Any) -> None:
        requests: Any = [{"DeleteRequest": {"Key": event_key(position)}} for position in positions]
        write_batch(self._client, self._table, requests)


def _is_old(position: int, at: int, newest: int, now_s: int) -> bool:
    if at <= now_s - EVENT_LIFETIME_SECONDS + DAY_SECONDS:
        return True
    return position <= newest - KEPT_POSITIONS and at <= now_s - HISTORY_SECONDS
