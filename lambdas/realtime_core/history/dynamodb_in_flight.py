"""Batches in flight, as items of the history table: an item each, which ends by itself.

Cleaning is never in the way of a publish: a publisher that meets items past their end removes a few, and
failing to do so is not an error. The janitor removes the rest.
"""

from __future__ import annotations

import time
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from realtime_core.aws.dynamodb import BATCH_MAX, ConditionFailed, Item, number, perform, query, read_number
from realtime_core.concurrency import batches, map_concurrently
from realtime_core.errors import StoreUnavailable
from realtime_core.history.dynamodb_items import IN_FLIGHT, in_flight_key, repeat_key, settled_key
from realtime_core.history.overtaken import (
    BATCHES_MAX,
    CLAIM_SECONDS,
    EXTENSION_RESERVE_SECONDS,
    IN_FLIGHT_SECONDS_MAX,
    UNRESOLVED_SECONDS_MAX,
    InFlightBatch,
)
from realtime_core.lifetimes import DAY_SECONDS
from realtime_core.telemetry.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from types_boto3_dynamodb.client import DynamoDBClient

log = get_logger(__name__)

PAGE_ITEMS = 2 * BATCHES_MAX
"""Items that a publisher reads first: about 15 KB, four read units."""
RESOLVED_MAX = 2
"""Batches whose positions a publish looks up at most."""


class InFlightItem(NamedTuple):
    """A batch in flight as it is stored."""

    batch: InFlightBatch
    event_id: str
    """The id of an event of the batch, whose repeat record tells the positions."""
    began: int
    """Epoch seconds."""
    until: int
    """Epoch seconds; after this it no longer counts."""


class DynamoInFlight:
    """The batches in flight. `table` is the history table."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client, self._table = client, table

    def begin(self, batch: int, size: int, event_id: str, now_s: int, first: int | None = None) -> None:
        """Put a batch in flight (one write); `event_id` is that of one of its events."""
        item: Item = {
            **in_flight_key(batch),
            "e": {"S": event_id},
            "batch_size": number(size),
            "began": number(now_s),
            "until": number(now_s + IN_FLIGHT_SECONDS_MAX),
            "expires_at": number(now_s + IN_FLIGHT_SECONDS_MAX + DAY_SECONDS),
        }
        if first is not None:
            item["p"] = number(first)
        perform(lambda: self._client.put_item(TableName=self._table, Item=item))

    def extend(self, batch: int, now_s: int) -> bool:
        """Give a batch its whole time again (one write); False if it has ended, or will in a minute."""
        return self._update(
            batch,
            "SET #until = :end",
            "#until > :soon",
            {
                ":end": number(now_s + IN_FLIGHT_SECONDS_MAX),
                ":soon": number(now_s + EXTENSION_RESERVE_SECONDS),
            },
            {"#until": "until"},
        )

    def settle(self, batch: int, size: int, positions: Collection[int], now_s: int) -> None:
        """Record that positions are settled: the last of `size` ends the batch.

        One write if they are all of the batch, else one, and one more for the last.
        """
        if len(positions) < size and not self._are_last(batch, size, positions, now_s):
            return
        self.end(batch)

    def end(self, batch: int) -> None:
        """End a batch (one write); one that has ended is not an error."""
        key = in_flight_key(batch)
        perform(lambda: self._client.delete_item(TableName=self._table, Key=key))

    def others(self, batch: int, now_s: int) -> list[InFlightBatch]:
        """All other batches in flight, those of the lowest ids first, at least BATCHES_MAX + 1 if there are.

        One consistent read, more only where hundreds have ended and nobody has removed them.
        """
        found: list[InFlightItem] = []
        ended: list[int] = []
        for page in self._pages(PAGE_ITEMS, now_s):
            for item in page:
                if item.until <= now_s:
                    ended.append(item.batch.batch)
                elif item.batch.batch != batch:
                    found.append(item)
            if len(found) > BATCHES_MAX:
                break

        self._tidy(ended[:BATCH_MAX], found, now_s)
        return [item.batch for item in found]

    def tidy_all(self, now_s: int, deadline: float) -> None:
        """Remove the items that have ended and resolve the others, until a `time.monotonic()`."""
        for page in self._pages(None, now_s, only_current=False):
            ended = [item.batch.batch for item in page if item.until <= now_s]
            current = [item for item in page if item.until > now_s and _is_to_resolve(item, now_s)]
            for removable in batches(ended, 10 * BATCH_MAX):
                map_concurrently(self._remove, batches(removable, BATCH_MAX))
                if time.monotonic() > deadline:
                    return
            for resolvable in batches(current, 10 * BATCH_MAX):
                map_concurrently(lambda item: self._resolve(item, now_s), resolvable)
                if time.monotonic() > deadline:
                    return

    def lowest(self, now_s: int) -> InFlightBatch | None:
        """The batch of the lowest id that is in flight, or None (one consistent read)."""
        return next(
            (item.batch for page in self._pages(None, now_s) for item in page if item.until > now_s), None
        )

    def _pages(
        self, first_limit: int | None, now_s: int, *, only_current: bool = True
    ) -> Iterator[list[InFlightItem]]:
        """Pages of items by id; the first has at most `first_limit`, the others what DynamoDB reads."""
        parameters: dict[str, Any] = {
            "TableName": self._table,
            "ConsistentRead": True,
            "KeyConditionExpression": "pk = :inflight",
            "ExpressionAttributeValues": {":inflight": {"S": IN_FLIGHT}},
        }
        if first_limit is not None:
            page = perform(lambda: self._client.query(**parameters, Limit=first_limit))
            yield [_read(item) for item in page["Items"]]
            if "LastEvaluatedKey" not in page:
                return
            parameters["ExclusiveStartKey"] = page["LastEvaluatedKey"]
        if only_current:
            parameters["FilterExpression"] = "#until > :now"
            parameters["ExpressionAttributeNames"] = {"#until": "until"}
            parameters["ExpressionAttributeValues"][":now"] = number(now_s)
        for items, _ in query(self._client, **parameters):
            yield [_read(item) for item in items]

    def _tidy(self, ended: Sequence[int], current: Iterable[InFlightItem], now_s: int) -> None:
        """Remove some items that have ended, and look up the positions of one that is old."""
        try:
            if ended:
                self._remove(ended)
            to_resolve = (item for item in current if _is_to_resolve(item, now_s))
            for item in islice(to_resolve, RESOLVED_MAX):
                self._resolve(item, now_s)
        except StoreUnavailable:
            log.exception("in_flight_not_tidied")

    def _remove(self, batches: Sequence[int]) -> None:
        requests: Any = [{"DeleteRequest": {"Key": in_flight_key(batch)}} for batch in batches]
        perform(lambda: self._client.batch_write_item(RequestItems={self._table: requests}))

    def _resolve(self, item: InFlightItem, now_s: int) -> None:
        """Look up the positions of a batch: its events' repeat records name them (one read, one write).

        A batch without a record may still get one while its publisher lives. Later it gets none.
        """
        key = repeat_key(item.event_id)
        record = perform(
            lambda: self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        ).get("Item")
        batch = item.batch.batch
        if record is not None and read_number(record, "batch_id") == batch:
            first = read_number(record, "first", read_number(record, "p"))
            self._update(batch, "SET p = :first", "attribute_exists(pk)", {":first": number(first)})
        elif item.began <= now_s - CLAIM_SECONDS:
            self.end(batch)

    def _are_last(self, batch: int, size: int, positions: Collection[int], now_s: int) -> bool:
        response = perform(
            lambda: self._client.update_item(
                TableName=self._table,
                Key=settled_key(batch),
                UpdateExpression="ADD done :positions SET expires_at = if_not_exists(expires_at, :end)",
                ExpressionAttributeValues={
                    ":positions": {"NS": [str(position) for position in positions]},
                    ":end": number(now_s + 2 * DAY_SECONDS),
                },
                ReturnValues="ALL_NEW",
            )
        )
        return len(response["Attributes"]["done"]["NS"]) >= size

    def _update(
        self, batch: int, expression: str, condition: str, values: Item, names: dict[str, str] | None = None
    ) -> bool:
        more: Any = {"ExpressionAttributeNames": names} if names else {}
        try:
            perform(
                lambda: self._client.update_item(
                    TableName=self._table,
                    Key=in_flight_key(batch),
                    UpdateExpression=expression,
                    ConditionExpression=condition,
                    ExpressionAttributeValues=values,
                    **more,
                )
            )
        except ConditionFailed:
            return False
        return True


def _is_to_resolve(item: InFlightItem, now_s: int) -> bool:
    return item.batch.first is None and item.began <= now_s - UNRESOLVED_SECONDS_MAX


def _read(item: Item) -> InFlightItem:
    first = read_number(item, "p") or None
    batch = InFlightBatch(read_number(item, "position"), first, read_number(item, "batch_size", 1))
    return InFlightItem(batch, item["e"]["S"], read_number(item, "began"), read_number(item, "until"))
