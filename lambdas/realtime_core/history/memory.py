"""The in-memory adapter of the history table."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from realtime_core.errors import StoreUnavailable
from realtime_core.history.base import (
    HISTORY_EVENTS,
    HISTORY_SECONDS,
    PublishClaim,
    StoredEvent,
    StreamBounds,
    decode_event,
    lowest_in_flight,
    new_in_flight_id,
)
from realtime_core.in_memory import InMemoryAdapter
from realtime_core.lifetimes import REPEAT_LIFETIME_SECONDS


@dataclass
class _Entry:
    event: StoredEvent
    in_flight_id: str
    chunks: set[int] = field(default_factory=set)


class MemoryHistory(InMemoryAdapter):
    """`History` in memory."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._counter = itertools.count()
        self._newest, self._floor = 0, 1
        self._in_flight: dict[str, int] = {}
        self._events: dict[int, _Entry] = {}
        self._repeats: dict[str, PublishClaim] = {}
        self._claimed: set[str] = set()

    def claim(self, event_id: str, text: str | None, now_ms: int) -> PublishClaim:
        """Allocate a position and store the event, once for each event id."""
        self._reach()
        with self._lock:
            first = self._repeats.get(event_id)
            if first is not None and first.at_ms + REPEAT_LIFETIME_SECONDS * 1000 > now_ms:
                if first.answer is None and event_id in self._claimed:
                    raise StoreUnavailable(f"event {event_id} is being published by another invocation")
                self._claimed.add(event_id)
                return first._replace(in_flight_id=None)
            claim = PublishClaim(event_id, now_ms, None)
            if text is not None:
                claim = self._allocate(event_id, text, now_ms)
            self._repeats[event_id] = claim
            self._claimed.add(event_id)
            return claim

    def expect_chunks(self, claim: PublishClaim, chunks: int) -> None:
        """Record the number of chunks that push the event."""
        self._reach()
        if claim.position is not None:
            self._events[claim.position].chunks = set(range(chunks))

    def complete_chunk(self, position: int, chunk: int) -> None:
        """Record that a chunk needs no further attempt."""
        self._reach()
        with self._lock:
            entry = self._events.get(position)
            if entry is not None and chunk in entry.chunks:
                entry.chunks.remove(chunk)
                if not entry.chunks:
                    self._in_flight.pop(entry.in_flight_id, None)

    def finish(self, claim: PublishClaim, answer: str, *, in_flight: bool) -> None:
        """Store the answer."""
        self._reach()
        with self._lock:
            self._repeats[claim.event_id] = self._repeats[claim.event_id]._replace(answer=answer)
            if claim.in_flight_id is not None and not in_flight:
                self._in_flight.pop(claim.in_flight_id, None)

    def release(self, claim: PublishClaim) -> None:
        """Give up the claim."""
        self._reach()
        self._claimed.discard(claim.event_id)

    def bounds(self, now_s: int) -> StreamBounds:
        """The range of the history."""
        self._reach()
        with self._lock:
            settled = lowest_in_flight(self._in_flight, self._newest + 1, now_s) - 1
            return StreamBounds(self._newest, self._floor, settled)

    def event_at(self, position: int) -> StoredEvent | None:
        """The event at a position, or None if it is not stored."""
        self._reach()
        entry = self._events.get(position)
        return entry.event if entry else None

    def events_between(self, first: int, last: int) -> Iterator[StoredEvent]:
        """The stored events from `first` to `last`, in order."""
        self._reach()
        with self._lock:
            events = [self._events[at].event for at in sorted(self._events) if first <= at <= last]
        yield from events

    def trim(self, now_ms: int) -> int:
        """Remove events that are older than a day and not among the newest 10,000; returns their number."""
        self._reach()
        with self._lock:
            oldest = now_ms // 1000 - HISTORY_SECONDS
            old = [
                at
                for at, entry in self._events.items()
                if at <= self._newest - HISTORY_EVENTS and entry.event.at <= oldest
            ]
            for at in old:
                del self._events[at]
            self._floor = max([self._floor, *(at + 1 for at in old)])
            return len(old)

    def _allocate(self, event_id: str, text: str, now_ms: int) -> PublishClaim:
        self._newest += 1
        in_flight_id = new_in_flight_id(now_ms // 1000, next(self._counter).to_bytes(6, "big"))
        self._in_flight[in_flight_id] = self._newest
        low = lowest_in_flight(self._in_flight, self._newest, now_ms // 1000)
        event = decode_event(text, position=self._newest, low=low, at_ms=now_ms)
        self._events[self._newest] = _Entry(event, in_flight_id)
        return PublishClaim(event_id, now_ms, self._newest, in_flight_id)
