"""The in-memory twin of the history table."""

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
class _Kept:
    event: StoredEvent
    in_flight_id: str
    chunks: set[int] = field(default_factory=set)


class MemoryHistory(InMemoryAdapter):
    """`History` in memory."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._names = itertools.count()
        self._newest, self._floor = 0, 1
        self._in_flight: dict[str, int] = {}
        self._events: dict[int, _Kept] = {}
        self._repeats: dict[str, PublishClaim] = {}
        self._begun: set[str] = set()

    def claim(self, event_id: str, kept: str | None, now_ms: int) -> PublishClaim:
        """Give an event its position and keep it, once for each event id."""
        self._reach()
        with self._lock:
            before = self._repeats.get(event_id)
            if before is not None and before.at_ms + REPEAT_LIFETIME_SECONDS * 1000 > now_ms:
                if before.answer is None and event_id in self._begun:
                    raise StoreUnavailable(f"event {event_id} is being published by another invocation")
                self._begun.add(event_id)
                return before._replace(in_flight_id=None)
            claim = PublishClaim(event_id, now_ms, None)
            if kept is not None:
                claim = self._allocate(event_id, kept, now_ms)
            self._repeats[event_id] = claim
            self._begun.add(event_id)
            return claim

    def expect_chunks(self, claim: PublishClaim, chunks: int) -> None:
        """Say that an event's pushing goes on in so many chunks."""
        self._reach()
        if claim.position is not None:
            self._events[claim.position].chunks = set(range(chunks))

    def complete_chunk(self, position: int, chunk: int) -> None:
        """Say that a chunk needs no further attempt."""
        self._reach()
        with self._lock:
            kept = self._events.get(position)
            if kept is not None and chunk in kept.chunks:
                kept.chunks.remove(chunk)
                if not kept.chunks:
                    self._in_flight.pop(kept.in_flight_id, None)

    def finish(self, claim: PublishClaim, answer: str, *, in_flight: bool) -> None:
        """Keep what was answered."""
        self._reach()
        with self._lock:
            self._repeats[claim.event_id] = self._repeats[claim.event_id]._replace(answer=answer)
            if claim.in_flight_id is not None and not in_flight:
                self._in_flight.pop(claim.in_flight_id, None)

    def release(self, claim: PublishClaim) -> None:
        """Let the next try begin at once."""
        self._reach()
        self._begun.discard(claim.event_id)

    def bounds(self, now_s: int) -> StreamBounds:
        """How far the history reaches."""
        self._reach()
        with self._lock:
            settled = lowest_in_flight(self._in_flight, self._newest + 1, now_s) - 1
            return StreamBounds(self._newest, self._floor, settled)

    def event_at(self, position: int) -> StoredEvent | None:
        """The event at a position, if it is kept."""
        self._reach()
        kept = self._events.get(position)
        return kept.event if kept else None

    def events_between(self, first: int, last: int) -> Iterator[StoredEvent]:
        """The kept events from one position to another, in order."""
        self._reach()
        with self._lock:
            found = [self._events[at].event for at in sorted(self._events) if first <= at <= last]
        yield from found

    def trim(self, now_ms: int) -> int:
        """Remove what is older than a day and not among the last 10,000 events."""
        self._reach()
        with self._lock:
            young = now_ms // 1000 - HISTORY_SECONDS
            old = [
                at
                for at, kept in self._events.items()
                if at <= self._newest - HISTORY_EVENTS and kept.event.at <= young
            ]
            for at in old:
                del self._events[at]
            self._floor = max([self._floor, *(at + 1 for at in old)])
            return len(old)

    def _allocate(self, event_id: str, kept: str, now_ms: int) -> PublishClaim:
        self._newest += 1
        in_flight_id = new_in_flight_id(now_ms // 1000, next(self._names).to_bytes(6, "big"))
        self._in_flight[in_flight_id] = self._newest
        low = lowest_in_flight(self._in_flight, self._newest, now_ms // 1000)
        event = decode_event(kept, position=self._newest, low=low, at_ms=now_ms)
        self._events[self._newest] = _Kept(event, in_flight_id)
        return PublishClaim(event_id, now_ms, self._newest, in_flight_id)
