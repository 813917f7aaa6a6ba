"""The in-memory adapter of the history table."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from dataclasses import dataclass, field

from realtime_core.errors import StoreUnavailable
from realtime_core.history import base
from realtime_core.history.base import (
    EventPage,
    Finished,
    HistoryBounds,
    NewEvent,
    Planning,
    PublishClaim,
    StoredEvent,
    decode_event,
)
from realtime_core.history.overtaken import (
    CLAIM_SECONDS,
    EXTENSION_RESERVE_SECONDS,
    IN_FLIGHT_SECONDS_MAX,
    InFlightBatch,
    known_at_begin,
    lowest_position,
    new_batch_id,
    overtaken_by,
)
from realtime_core.in_memory import InMemoryAdapter
from realtime_core.lifetimes import DAY_SECONDS, REPEAT_LIFETIME_SECONDS

PAGE_EVENTS = 100


@dataclass
class _Record:
    """What is known of an event id."""

    claim: PublishClaim
    taken_ms: int


@dataclass
class _InFlight:
    batch: InFlightBatch
    until: int
    settled: set[int] = field(default_factory=set)


@dataclass
class _Chunks:
    done: set[int] = field(default_factory=set)
    total: int | None = None
    claims: tuple[PublishClaim, ...] = ()


class MemoryHistory(InMemoryAdapter):
    """`History`, `Admission`, `Chunks` and `Trimming` in memory."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        """`now` is when chunks are completed, epoch seconds."""
        self._now = now
        self._lock = threading.RLock()
        self._counter = itertools.count()
        self._newest = self._began = self._floor = 0
        self._events: dict[int, StoredEvent] = {}
        self._records: dict[str, _Record] = {}
        self._in_flight: dict[int, _InFlight] = {}
        self._chunks: dict[int, _Chunks] = {}

    def bounds(self) -> HistoryBounds:
        """The range of the history."""
        self._reach()
        if not self._newest:
            return HistoryBounds()
        return HistoryBounds(self._newest, self._floor, self._floor == self._began)

    def settled(self, now_s: int) -> int:
        """The position below which nothing is in flight."""
        self._reach()
        lowest = lowest_position(self._current(now_s))
        return self._newest if lowest is None else max(lowest, self._floor) - 1

    def last_event_until(self, position: int, floor: int) -> StoredEvent | None:
        """The stored event at `position`, or the nearest below it."""
        self._reach()
        at = max((at for at in self._events if floor <= at <= position), default=None)
        return None if at is None else self._events[at]

    def events(self, first: int, last: int) -> Iterator[EventPage]:
        """The stored events from `first` to `last`, in order."""
        self._reach()
        with self._lock:
            events = [self._events[at] for at in sorted(self._events) if first <= at <= last]
        while len(events) > PAGE_EVENTS:
            page, events = events[:PAGE_EVENTS], events[PAGE_EVENTS:]
            yield EventPage(page, page[-1].position)
        if first <= last:
            yield EventPage(events, last)

    def events_back(self, last: int, first: int) -> Generator[EventPage]:
        """The stored events from `last` down to `first`."""
        events = [event for page in self.events(first, last) for event in page.events][::-1]
        while len(events) > PAGE_EVENTS:
            page, events = events[:PAGE_EVENTS], events[PAGE_EVENTS:]
            yield EventPage(page, page[-1].position)
        if first <= last:
            yield EventPage(events, first)

    def claim_all(self, events: Sequence[NewEvent], now_ms: int) -> list[PublishClaim | StoreUnavailable]:
        """Allocate positions to events and store them together."""
        if self.down:
            return [StoreUnavailable("MemoryHistory is down") for _ in events]
        with self._lock:
            new = [event for event in events if not self._is_repeat(event.event_id, now_ms)]
            self._admit(new, now_ms)
            ids = {event.event_id for event in new}
            return [
                self._records[event.event_id].claim
                if event.event_id in ids
                else self._repeat_of(event, now_ms)
                for event in events
            ]

    def note_planning(self, claim: PublishClaim, planning: Planning) -> None:
        """Record how far the planning of an event has come."""
        self._reach()
        record = self._records[claim.event_id]
        record.claim = record.claim._replace(planning=planning)

    def expect_chunks(self, tracking_id: int, chunks: int, claims: Sequence[PublishClaim]) -> None:
        """Record the number of chunks that push events."""
        self._reach()
        with self._lock:
            entry = self._chunks.setdefault(tracking_id, _Chunks())
            entry.total, entry.claims = chunks, tuple(claims)
            self._settle_if_done(tracking_id)

    def complete_chunks(self, tracking_id: int, chunks: Collection[int]) -> None:
        """Record that chunks need no further attempt."""
        self._reach()
        with self._lock:
            entry = self._chunks.setdefault(tracking_id, _Chunks())
            entry.done.update(chunks)
            self._settle_if_done(tracking_id)
            now_s = int(self._now())
            for claim in entry.claims:
                in_flight = self._in_flight.get(claim.batch)
                if in_flight is not None and in_flight.until > now_s + EXTENSION_RESERVE_SECONDS:
                    in_flight.until = max(in_flight.until, now_s + IN_FLIGHT_SECONDS_MAX)

    def finish_all(self, finished: Sequence[Finished]) -> None:
        """Store the answers."""
        self._reach()
        with self._lock:
            for claim, answer, in_flight in finished:
                record = self._records[claim.event_id]
                record.claim = record.claim._replace(answer=answer)
                if not in_flight:
                    self._settle(claim)

    def release_all(self, claims: Sequence[PublishClaim]) -> None:
        """Give up the claims."""
        self._reach()
        for claim in claims:
            record = self._records.get(claim.event_id)
            if record is not None and record.claim.batch == claim.batch:
                record.taken_ms = 0

    def trim(self, now_ms: int, seconds: float) -> int:  # noqa: ARG002 - memory takes no time
        """Remove old events, and begin an empty history."""
        self._reach()
        with self._lock:
            if not self._newest:
                self._begin(now_ms)
            now_s = now_ms // 1000
            self._in_flight = {key: entry for key, entry in self._in_flight.items() if entry.until > now_s}
            old = list(itertools.takewhile(lambda at: self._is_old(at, now_s), sorted(self._events)))
            for at in old:
                del self._events[at]
            self._floor = max([self._floor, *(at + 1 for at in old)])
            return len(old)

    def _begin(self, now_ms: int) -> None:
        self._began = self._floor = now_ms * base.POSITIONS_PER_MS
        self._newest = self._began - 1

    def _admit(self, events: Sequence[NewEvent], now_ms: int) -> None:
        of_topics = [event for event in events if event.text is not None]
        batch = 0
        if of_topics:
            if not self._newest:
                self._begin(now_ms)
            batch = new_batch_id(self._newest, next(self._counter).to_bytes(6, "big"))
        first = self._newest + 1
        others = self._current(now_ms // 1000)
        own = InFlightBatch(batch, first, len(of_topics))

        for event in events:
            claim = PublishClaim(event.event_id, now_ms, None, batch, max(1, len(of_topics)))
            if event.text is not None:
                self._newest += 1
                claim = claim._replace(position=self._newest)
                self._events[self._newest] = decode_event(
                    event.text,
                    position=self._newest,
                    at_ms=now_ms,
                    overtaken=overtaken_by(self._newest, own, others),
                    batch=batch,
                )
            self._records[event.event_id] = _Record(claim, now_ms)
        if of_topics:
            self._in_flight[batch] = _InFlight(own, now_ms // 1000 + IN_FLIGHT_SECONDS_MAX)

    def _is_repeat(self, event_id: str, now_ms: int) -> bool:
        record = self._records.get(event_id)
        return record is not None and record.claim.at_ms + REPEAT_LIFETIME_SECONDS * 1000 > now_ms

    def _repeat_of(self, event: NewEvent, now_ms: int) -> PublishClaim | StoreUnavailable:
        record = self._records[event.event_id]
        if record.claim.answer is not None:
            return record.claim
        if record.taken_ms > now_ms - CLAIM_SECONDS * 1000:
            return StoreUnavailable(f"event {event.event_id} is being published by another invocation")
        record.taken_ms = now_ms
        in_flight = self._in_flight.get(record.claim.batch)
        if in_flight is not None and in_flight.until > now_ms // 1000 + EXTENSION_RESERVE_SECONDS:
            in_flight.until = now_ms // 1000 + IN_FLIGHT_SECONDS_MAX
        elif record.claim.position is not None:
            self._events.pop(record.claim.position, None)
            first_at_ms, planning = record.claim.at_ms, record.claim.planning
            self._admit([event], now_ms)
            record = self._records[event.event_id]
            record.claim = record.claim._replace(at_ms=first_at_ms, planning=planning)
            at = record.claim.position
            assert at is not None, "only events of topics have positions"  # noqa: S101
            self._events[at] = self._events[at]._replace(at=first_at_ms // 1000)
        return record.claim

    def _settle_if_done(self, tracking_id: int) -> None:
        chunks = self._chunks[tracking_id]
        if chunks.total is not None and len(chunks.done) >= chunks.total:
            for claim in chunks.claims:
                self._settle(claim)
            del self._chunks[tracking_id]

    def _settle(self, claim: PublishClaim) -> None:
        entry = self._in_flight.get(claim.batch)
        if entry is None or claim.position is None:
            return
        entry.settled.add(claim.position)
        if len(entry.settled) >= claim.batch_size:
            del self._in_flight[claim.batch]

    def _current(self, now_s: int) -> list[InFlightBatch]:
        current = (entry.batch for entry in self._in_flight.values() if entry.until > now_s)
        return sorted(current, key=lambda batch: known_at_begin(batch.batch))

    def _is_old(self, position: int, now_s: int) -> bool:
        at = self._events[position].at
        if at <= now_s - base.EVENT_LIFETIME_SECONDS + DAY_SECONDS:
            return True
        return position <= self._newest - base.KEPT_POSITIONS and at <= now_s - base.HISTORY_SECONDS
