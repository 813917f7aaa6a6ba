"""The in-memory twin of the history table."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from realtime_core.adapters.memory.outage import Breakable
from realtime_core.adapters.policy import REPEAT_LIFETIME_SECONDS
from realtime_core.domain.history import (
    HISTORY_EVENTS,
    HISTORY_SECONDS,
    Admission,
    Horizon,
    Past,
    decode_past,
    flight_name,
    lowest,
)
from realtime_core.errors import StoreUnavailable


@dataclass
class _Kept:
    past: Past
    flight: str
    chunks: set[int] = field(default_factory=set)


class MemoryHistory(Breakable):
    """`History` in memory."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._names = itertools.count()
        self._newest, self._floor = 0, 1
        self._flying: dict[str, int] = {}
        self._events: dict[int, _Kept] = {}
        self._repeats: dict[str, Admission] = {}
        self._begun: set[str] = set()

    def admit(self, event_id: str, kept: str | None, now_ms: int) -> Admission:
        """Give an event its position and keep it, once for each event id."""
        self._reach()
        with self._lock:
            before = self._repeats.get(event_id)
            if before is not None and before.at_ms + REPEAT_LIFETIME_SECONDS * 1000 > now_ms:
                if before.answer is None and event_id in self._begun:
                    raise StoreUnavailable(f"event {event_id} is being published by another invocation")
                self._begun.add(event_id)
                return before._replace(flight=None)
            admission = Admission(event_id, now_ms, None)
            if kept is not None:
                admission = self._take_off(event_id, kept, now_ms)
            self._repeats[event_id] = admission
            self._begun.add(event_id)
            return admission

    def queued(self, admission: Admission, chunks: int) -> None:
        """Say that an event's pushing goes on in so many chunks."""
        self._reach()
        if admission.position is not None:
            self._events[admission.position].chunks = set(range(chunks))

    def landed(self, position: int, chunk: int) -> None:
        """Say that a chunk needs no further attempt."""
        self._reach()
        with self._lock:
            kept = self._events.get(position)
            if kept is not None and chunk in kept.chunks:
                kept.chunks.remove(chunk)
                if not kept.chunks:
                    self._flying.pop(kept.flight, None)

    def finish(self, admission: Admission, answer: str, *, flying: bool) -> None:
        """Keep what was answered."""
        self._reach()
        with self._lock:
            self._repeats[admission.event_id] = self._repeats[admission.event_id]._replace(answer=answer)
            if admission.flight is not None and not flying:
                self._flying.pop(admission.flight, None)

    def release(self, admission: Admission) -> None:
        """Let the next try begin at once."""
        self._reach()
        self._begun.discard(admission.event_id)

    def horizon(self, now_s: int) -> Horizon:
        """How far the history reaches."""
        self._reach()
        with self._lock:
            landed = lowest(self._flying, self._newest + 1, now_s) - 1
            return Horizon(self._newest, self._floor, landed)

    def past(self, position: int) -> Past | None:
        """The event at a position, if it is kept."""
        self._reach()
        kept = self._events.get(position)
        return kept.past if kept else None

    def since(self, first: int, last: int) -> Iterator[Past]:
        """The kept events from one position to another, in order."""
        self._reach()
        with self._lock:
            found = [self._events[at].past for at in sorted(self._events) if first <= at <= last]
        yield from found

    def trim(self, now_ms: int) -> int:
        """Remove what is older than a day and not among the last 10,000 events."""
        self._reach()
        with self._lock:
            young = now_ms // 1000 - HISTORY_SECONDS
            old = [
                at
                for at, kept in self._events.items()
                if at <= self._newest - HISTORY_EVENTS and kept.past.at <= young
            ]
            for at in old:
                del self._events[at]
            self._floor = max([self._floor, *(at + 1 for at in old)])
            return len(old)

    def _take_off(self, event_id: str, kept: str, now_ms: int) -> Admission:
        self._newest += 1
        flight = flight_name(now_ms // 1000, next(self._names).to_bytes(6, "big"))
        self._flying[flight] = self._newest
        low = lowest(self._flying, self._newest, now_ms // 1000)
        past = decode_past(kept, position=self._newest, low=low, at_ms=now_ms)
        self._events[self._newest] = _Kept(past, flight)
        return Admission(event_id, now_ms, self._newest, flight)
