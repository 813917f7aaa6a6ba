"""The history table: positions, published events, and idempotent publishing.

| item | `pk` | `position` | attributes |
| --- | --- | --- | --- |
| counter | `counter` | 0 | `n` newest position, `floor` lowest stored, `flying` {in-flight id: position} |
| event | `b#<position // 100>` | its own | `v` the event, `low`, `at`, `chunks` to post, `flight` |
| repeat | `e#<event id>` | 0 | `p` position, `at`, `taken` when last claimed, `answer`; expires after a day |

`flight` is the in-flight id of an event, if chunks of it are queued.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from realtime_core.aws.dynamodb import ConditionFailed, Item, perform, query
from realtime_core.errors import StoreUnavailable
from realtime_core.history.base import (
    HISTORY_EVENTS,
    HISTORY_SECONDS,
    PublishClaim,
    StoredEvent,
    StreamBounds,
    decode_event,
    new_in_flight_id,
)
from realtime_core.history.in_flight import DynamoPositions
from realtime_core.lifetimes import REPEAT_LIFETIME_SECONDS

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

BUCKET_EVENTS = 100
CLAIM_SECONDS = 90
"""How long a claim is exclusive: longer than an invocation of `broadcast` may run."""
WAIT_SECONDS = 5.0
"""How long a concurrent publisher of the same event waits for the first one's answer."""
TRIM_EVENTS_MAX = 2_000
"""The most events that one trim removes."""


class DynamoHistory:
    """`History` on DynamoDB. `entropy` returns random bytes for the in-flight ids."""

    def __init__(
        self,
        client: DynamoDBClient,
        table: str,
        entropy: Callable[[int], bytes],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._table = table
        self._entropy = entropy
        self._sleep = sleep
        self._positions = DynamoPositions(client, table)

    def claim(self, event_id: str, text: str | None, now_ms: int) -> PublishClaim:
        """Allocate a position and store the event, once for each event id (three writes)."""
        if text is None:
            return self._begin(event_id, None, None, now_ms, [])

        in_flight_id = new_in_flight_id(now_ms // 1000, self._entropy(6))
        position, low = self._positions.allocate(in_flight_id, now_ms // 1000)
        event: Item = {
            **_event_key(position),
            "v": {"S": text},
            "low": {"N": str(low)},
            "at": {"N": str(now_ms)},
        }
        put = {"Put": {"TableName": self._table, "Item": event}}

        claim = self._begin(event_id, position, in_flight_id, now_ms, [put])
        if claim.in_flight_id != in_flight_id:
            # A repeat: the first call's position counts, so this one is not in flight.
            self._positions.complete(in_flight_id)
        return claim

    def expect_chunks(self, claim: PublishClaim, chunks: int) -> None:
        """Record the number of chunks that push the event from the queue (one write)."""
        if claim.position is None:
            return
        left = [str(number) for number in range(chunks)]
        self._update(
            _event_key(claim.position),
            "SET chunks = :left, flight = :flight",
            {":left": {"NS": left}, ":flight": {"S": claim.in_flight_id or ""}},
        )

    def complete_chunk(self, position: int, chunk: int) -> None:
        """Record that a chunk is done; the last one completes the position (one or two writes)."""
        try:
            response = self._update(
                _event_key(position),
                "DELETE chunks :chunk",
                {":chunk": {"NS": [str(chunk)]}},
                ConditionExpression="attribute_exists(chunks)",
                ReturnValues="ALL_NEW",
            )
        except ConditionFailed:
            return  # the event was completed or trimmed meanwhile
        event = response["Attributes"]
        if "chunks" not in event and event.get("flight", {}).get("S"):
            self._positions.complete(event["flight"]["S"])

    def finish(self, claim: PublishClaim, answer: str, *, in_flight: bool) -> None:
        """Store the answer (one write); without `in_flight`, complete the position (one more write)."""
        self._update(_repeat_key(claim.event_id), "SET answer = :answer", {":answer": {"S": answer}})
        if claim.in_flight_id is not None and not in_flight:
            self._positions.complete(claim.in_flight_id)

    def release(self, claim: PublishClaim) -> None:
        """Give up the claim on an event that could not be published (one write)."""
        self._update(_repeat_key(claim.event_id), "SET taken = :never", {":never": {"N": "0"}})

    def bounds(self, now_s: int) -> StreamBounds:
        """The range of the history (one consistent read)."""
        return self._positions.bounds(now_s)

    def event_at(self, position: int) -> StoredEvent | None:
        """The event at a position, or None if it is not stored (one consistent read)."""
        item = perform(
            lambda: self._client.get_item(
                TableName=self._table, Key=_event_key(position), ConsistentRead=True
            )
        ).get("Item")
        return _stored_event(item) if item else None

    def events_between(self, first: int, last: int) -> Iterator[StoredEvent]:
        """The stored events from `first` to `last`, in order (a query for each hundred positions)."""
        if last < first:
            return  # DynamoDB refuses a BETWEEN whose bounds are the wrong way round
        for bucket in range(first // BUCKET_EVENTS, last // BUCKET_EVENTS + 1):
            pages = query(
                self._client,
                TableName=self._table,
                ConsistentRead=True,
                KeyConditionExpression="pk = :bucket AND #position BETWEEN :first AND :last",
                ExpressionAttributeNames={"#position": "position"},
                ExpressionAttributeValues={
                    ":bucket": {"S": f"b#{bucket}"},
                    ":first": {"N": str(first)},
                    ":last": {"N": str(last)},
                },
            )
            for items, _ in pages:
                yield from map(_stored_event, items)

    def trim(self, now_ms: int) -> int:
        """Remove events that are older than a day and not among the newest 10,000; returns their number."""
        bounds = self.bounds(now_ms // 1000)
        last = min(bounds.floor + TRIM_EVENTS_MAX, bounds.newest - HISTORY_EVENTS + 1) - 1
        old: list[int] = []
        for event in self.events_between(bounds.floor, last):
            if event.at > now_ms // 1000 - HISTORY_SECONDS:
                break
            old.append(event.position)
        if not old:
            return 0

        # First the floor, so that readers know which events may be missing during the removal.
        self._positions.raise_floor(old[-1] + 1)
        for position in old:
            key = _event_key(position)
            perform(lambda: self._client.delete_item(TableName=self._table, Key=key))  # noqa: B023
        return len(old)

    def _begin(
        self, event_id: str, position: int | None, in_flight_id: str | None, now_ms: int, writes: list[Any]
    ) -> PublishClaim:
        repeat: Item = {
            **_repeat_key(event_id),
            "p": {"N": str(position or 0)},
            "at": {"N": str(now_ms)},
            "taken": {"N": str(now_ms)},
            "expires_at": {"N": str(now_ms // 1000 + REPEAT_LIFETIME_SECONDS)},
        }

        put: Any = {
            "TableName": self._table,
            "Item": repeat,
            "ConditionExpression": "attribute_not_exists(pk) OR expires_at <= :now",
            "ExpressionAttributeValues": {":now": {"N": str(now_ms // 1000)}},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        try:
            perform(lambda: self._client.transact_write_items(TransactItems=[{"Put": put}, *writes]))
        except ConditionFailed as failed:
            return self._repeat_of(event_id, failed.refused[0] or {}, now_ms)
        return PublishClaim(event_id, now_ms, position, in_flight_id)

    def _repeat_of(self, event_id: str, repeat: Item, now_ms: int) -> PublishClaim:
        """The claim on a repeated event: with the first call's answer, or taken over after it expired."""
        waited = 0.0
        while True:
            claim = PublishClaim(
                event_id,
                int(repeat["at"]["N"]),
                int(repeat["p"]["N"]) or None,
                answer=repeat["answer"]["S"] if "answer" in repeat else None,
            )
            if claim.answer is not None:
                return claim
            claimed_at_ms = int(repeat["taken"]["N"])
            if claimed_at_ms <= now_ms - CLAIM_SECONDS * 1000 and self._take_over(repeat, now_ms):
                return claim
            if waited >= WAIT_SECONDS:
                raise StoreUnavailable(
                    f"event {event_id} is being published by another invocation; try again"
                )

            self._sleep(0.1)
            waited += 0.1
            repeat = perform(
                lambda: self._client.get_item(
                    TableName=self._table, Key=_repeat_key(event_id), ConsistentRead=True
                )
            ).get("Item", repeat)

    def _take_over(self, repeat: Item, now_ms: int) -> bool:
        try:
            self._update(
                {"pk": repeat["pk"], "position": repeat["position"]},
                "SET taken = :now",
                {":now": {"N": str(now_ms)}, ":before": repeat["taken"]},
                ConditionExpression="taken = :before AND attribute_not_exists(answer)",
            )
        except ConditionFailed:
            return False
        return True

    def _update(self, key: Item, expression: str, values: Item, **more: Any) -> Any:
        return perform(
            lambda: self._client.update_item(
                TableName=self._table,
                Key=key,
                UpdateExpression=expression,
                ExpressionAttributeValues=values,
                **more,
            )
        )


def _event_key(position: int) -> Item:
    return {"pk": {"S": f"b#{position // BUCKET_EVENTS}"}, "position": {"N": str(position)}}


def _repeat_key(event_id: str) -> Item:
    return {"pk": {"S": f"e#{event_id}"}, "position": {"N": "0"}}


def _stored_event(item: Item) -> StoredEvent:
    return decode_event(
        item["v"]["S"],
        position=int(item["position"]["N"]),
        low=int(item["low"]["N"]),
        at_ms=int(item["at"]["N"]),
    )
