"""Publishing's side of the history table: each event is admitted once, at a position of its own.

In this order: what is known of the events; a batch in flight; positions; which other batches are in flight;
events and repeat records in one transaction. A publisher that dies in between leaves a batch in flight, which
a retry takes over or which ends by itself, and positions that no event will have.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from realtime_core.aws.dynamodb import (
    BATCH_MAX,
    ConditionFailed,
    Item,
    get_all,
    number,
    perform,
    read_number,
    write_batch,
)
from realtime_core.concurrency import batches, map_concurrently
from realtime_core.errors import StoreUnavailable
from realtime_core.history.base import (
    Finished,
    NewEvent,
    Planning,
    PublishClaim,
    positions_by_batch,
    split_batches,
)
from realtime_core.history.dynamodb_chunks import DynamoChunks
from realtime_core.history.dynamodb_in_flight import DynamoInFlight
from realtime_core.history.dynamodb_items import COUNTER, repeat_key
from realtime_core.history.dynamodb_positions import allocate
from realtime_core.history.dynamodb_writes import HistoryWrites
from realtime_core.history.overtaken import (
    CLAIM_SECONDS,
    ENTROPY_BYTES,
    InFlightBatch,
    new_batch_id,
)
from realtime_core.schema import EVENT_REPEAT, NewerRecord
from realtime_core.telemetry.logs import get_logger
from realtime_core.wire.strict_json import dumps, loads

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from types_boto3_dynamodb.client import DynamoDBClient

log = get_logger(__name__)

WAIT_SECONDS = 5.0
"""How long a concurrent publisher of the same event waits for the first one's answer."""


class DynamoAdmission:
    """`Admission` on DynamoDB. `entropy` returns random bytes for the ids of batches in flight.

    `now` is when chunks are expected, epoch seconds.
    """

    def __init__(
        self,
        client: DynamoDBClient,
        table: str,
        entropy: Callable[[int], bytes],
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._client, self._table = client, table
        self._entropy, self._sleep = entropy, sleep
        self._writes = HistoryWrites(table)
        self._in_flight = DynamoInFlight(client, table)
        self._chunks = DynamoChunks(client, table, now)

    def claim_all(self, events: Sequence[NewEvent], now_ms: int) -> list[PublishClaim | StoreUnavailable]:
        """Admit events together: two reads and three writes a batch, of which one is a transaction."""
        results: dict[str, PublishClaim | StoreUnavailable] = {}
        for batch in split_batches(events):
            try:
                results |= self._claim_batch(batch, now_ms)
            except StoreUnavailable as error:
                results |= {event.event_id: error for event in batch}
        return [results[event.event_id] for event in events]

    def note_planning(self, claim: PublishClaim, planning: Planning) -> None:
        """Record how far the planning of an event has come (one write).

        Unconditional, as an answer is: a claim outlives the invocation that has it.
        """
        self._update(
            repeat_key(claim.event_id),
            "SET #plan = :plan",
            {":plan": {"S": dumps(planning)}},
            ExpressionAttributeNames={"#plan": "plan"},
        )

    def expect_chunks(self, tracking_id: int, chunks: int, claims: Sequence[PublishClaim]) -> None:
        """Record the number of chunks that push events from the queue (one write)."""
        self._chunks.expect(tracking_id, chunks, claims)

    def finish_all(self, finished: Sequence[Finished]) -> None:
        """Store the answers (one write for 25 events); settle the positions (one or two more a batch)."""
        puts = [self._writes.answer(one.claim, one.answer) for one in finished]
        map_concurrently(lambda some: write_batch(self._client, self._table, some), batches(puts, BATCH_MAX))

        settled = [one.claim for one in finished if not one.in_flight]
        for batch, size, positions in positions_by_batch(settled):
            self._in_flight.settle(batch, size, positions, settled[0].at_ms // 1000)

    def release_all(self, claims: Sequence[PublishClaim]) -> None:
        """Give up the claims on events that could not be published (one write each)."""
        map_concurrently(lambda claim: self._release(claim.event_id, claim.batch), claims)

    def _claim_batch(
        self, events: Sequence[NewEvent], now_ms: int
    ) -> dict[str, PublishClaim | StoreUnavailable]:
        newest, records = self._read(events, now_ms)
        new = [event for event in events if event.event_id not in records]
        claims: dict[str, PublishClaim | StoreUnavailable] = {}
        if new:
            admitted, others = self._admit(new, newest, now_ms)
            claims |= admitted
            records |= others

        repeated = [event for event in events if event.event_id in records and event.event_id not in claims]
        return claims | self._repeats_of(repeated, records, now_ms)

    def _read(self, events: Sequence[NewEvent], now_ms: int) -> tuple[int, dict[str, Item]]:
        """The newest position, and the repeat records of the events that have one (one consistent read)."""
        keys = [COUNTER, *(repeat_key(event.event_id) for event in events)]
        items = get_all(self._client, {self._table: keys})[self._table]
        by_key = {item["pk"]["S"]: item for item in items}
        records = {
            event.event_id: by_key[f"e#{event.event_id}"]
            for event in events
            if read_number(by_key.get(f"e#{event.event_id}", {}), "expires_at") > now_ms // 1000
        }
        return read_number(by_key.get("counter", {}), "n"), records

    def _admit(
        self, events: Sequence[NewEvent], newest: int, now_ms: int
    ) -> tuple[dict[str, PublishClaim], dict[str, Item]]:
        """Store events that had no repeat record; returns their claims, and records that others have put."""
        batch, positions, others = self._allocate(events, newest, now_ms)
        own = InFlightBatch(batch, min(positions.values(), default=None), len(positions))
        found: dict[str, Item] = {}
        while left := [event for event in events if event.event_id not in found]:
            # The batch ends when those are settled that are stored.
            size = sum(event.text is not None for event in left)
            claims = {
                event.event_id: PublishClaim(
                    event.event_id, now_ms, positions.get(event.event_id), batch, max(1, size)
                )
                for event in left
            }
            if found and size:
                self._in_flight.begin(batch, own.size, left[0].event_id, now_ms // 1000, own.first)
            taken = self._store(left, claims, own, others, now_ms)
            if not taken:
                return claims, found
            found |= taken

        if positions:
            self._end(batch)
        return {}, found

    def _allocate(
        self, events: Sequence[NewEvent], newest: int, now_ms: int
    ) -> tuple[int, dict[str, int], list[InFlightBatch]]:
        """Put a batch in flight and take its positions (two writes, one read).

        Returns its id, the positions by event id, and the other batches in flight.
        """
        of_topics = [event for event in events if event.text is not None]
        if not of_topics:
            return 0, {}, []
        batch = new_batch_id(newest, self._entropy(ENTROPY_BYTES))
        self._in_flight.begin(batch, len(of_topics), of_topics[0].event_id, now_ms // 1000)
        try:
            first = allocate(self._client, self._table, len(of_topics), now_ms)
            others = self._in_flight.others(batch, now_ms // 1000)
        except StoreUnavailable:
            self._end(batch)
            raise
        return batch, {event.event_id: first + index for index, event in enumerate(of_topics)}, others

    def _store(
        self,
        events: Sequence[NewEvent],
        claims: dict[str, PublishClaim],
        own: InFlightBatch,
        others: Sequence[InFlightBatch],
        now_ms: int,
    ) -> dict[str, Item]:
        """Store events and their repeat records in one transaction; {} if it was taken.

        Else nothing is stored, and the records that other publishers have put meanwhile are returned.
        """
        puts: list[Any] = []
        owners: list[str] = []
        for event in events:
            claim = claims[event.event_id]
            puts.append(self._writes.repeat(claim, own, now_ms))
            owners.append(event.event_id)
            if event.text is not None and claim.position is not None:
                puts.append(self._writes.event(event, claim, own, others))
                owners.append(event.event_id)

        try:
            perform(lambda: self._client.transact_write_items(TransactItems=puts))
        except ConditionFailed as failed:
            refused = {owners[index]: item or {} for index, item in failed.refused.items()}
            if any(read_number(item, "batch_id") == own.batch for item in refused.values() if own.batch):
                return {}  # an attempt whose answer was lost has stored them all
            return refused
        except StoreUnavailable:
            # It may have been taken all the same: then a retry shall find records to take over at once.
            with suppress(StoreUnavailable):
                self.release_all(list(claims.values()))
            raise
        return {}

    def _repeats_of(
        self, events: Sequence[NewEvent], records: dict[str, Item], now_ms: int
    ) -> dict[str, PublishClaim | StoreUnavailable]:
        """The claims on repeated events: with the first call's answer, or taken over after it expired.

        All wait together: the events of a batch that is repeated at once have one publisher.
        """
        claims: dict[str, PublishClaim | StoreUnavailable] = {}
        waited = 0.0
        while True:
            pending = [event for event in events if event.event_id not in claims]
            known = [(event, records[event.event_id]) for event in pending]
            for event, claim in zip(
                pending, map_concurrently(lambda one: self._try_repeat(*one, now_ms), known), strict=True
            ):
                if claim is not None:
                    claims[event.event_id] = claim
            pending = [event for event in pending if event.event_id not in claims]
            if not pending:
                return claims
            if waited >= WAIT_SECONDS:
                busy = "is being published by another invocation; try again"
                return claims | {
                    event.event_id: StoreUnavailable(f"event {event.event_id} {busy}") for event in pending
                }

            self._sleep(0.1)
            waited += 0.1
            try:
                records = records | self._read(pending, now_ms)[1]
            except StoreUnavailable as error:
                return claims | {event.event_id: error for event in pending}

    def _try_repeat(
        self, event: NewEvent, record: Item, now_ms: int
    ) -> PublishClaim | StoreUnavailable | None:
        """The claim on a repeated event; None while another publisher has it."""
        try:
            EVENT_REPEAT.check(record)
        except NewerRecord as error:
            return error
        if "answer" in record:
            return _claim_of(event.event_id, record)._replace(answer=record["answer"]["S"])
        if read_number(record, "taken") > now_ms - CLAIM_SECONDS * 1000:
            return None
        try:
            return self._take_over(event, record, now_ms)
        except StoreUnavailable as error:
            return error

    def _take_over(self, event: NewEvent, record: Item, now_ms: int) -> PublishClaim | None:
        """Claim an event whose publisher has died; None if somebody else was quicker.

        Where its batch is no longer in flight, clients have passed its position: then it moves to a new one.
        """
        try:
            self._update(
                repeat_key(event.event_id),
                "SET taken = :now",
                {":now": number(now_ms), ":before": record["taken"]},
                ConditionExpression="taken = :before AND attribute_not_exists(answer)",
            )
        except ConditionFailed:
            return None
        claim = _claim_of(event.event_id, record)
        if claim.position is None or self._in_flight.extend(claim.batch, now_ms // 1000):
            return claim
        return self._move(event, claim, now_ms)

    def _move(self, event: NewEvent, claim: PublishClaim, now_ms: int) -> PublishClaim:
        """Store an event that this publisher has claimed at a new position, with its first time."""
        newest, _ = self._read([event], now_ms)
        batch, positions, others = self._allocate([event], newest, now_ms)
        moved = claim._replace(position=positions.get(event.event_id), batch=batch, batch_size=1)

        stored = self._writes.event(event, moved, InFlightBatch(batch, moved.position), others)
        writes = [stored, *self._writes.move(claim, moved, now_ms)]
        try:
            perform(lambda: self._client.transact_write_items(TransactItems=writes))
        except ConditionFailed as failed:
            self._end(batch)
            raise StoreUnavailable(f"event {event.event_id} was taken over by another invocation") from failed
        log.info("event_moved", eventId=event.event_id, before=claim.position, position=moved.position)
        return moved

    def _end(self, batch: int) -> None:
        """End a batch whose positions no event will have; if that fails, it ends by itself."""
        try:
            self._in_flight.end(batch)
        except StoreUnavailable:
            log.exception("in_flight_not_ended", batch=batch)

    def _release(self, event_id: str, batch: int) -> None:
        """Let a retry take the event over at once, unless another publisher has put or moved its record."""
        condition = "batch_id = :batch" if batch else "attribute_exists(pk)"
        values = {":never": number(0)} | ({":batch": number(batch)} if batch else {})
        with suppress(ConditionFailed):
            self._update(repeat_key(event_id), "SET taken = :never", values, ConditionExpression=condition)

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


def _claim_of(event_id: str, record: Item) -> PublishClaim:
    return PublishClaim(
        event_id,
        read_number(record, "at"),
        read_number(record, "p") or None,
        read_number(record, "batch_id"),
        read_number(record, "batch_size", 1),
        planning=Planning(*loads(record["plan"]["S"])) if "plan" in record else None,
    )
