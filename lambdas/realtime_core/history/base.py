"""The history: positions, stored events for replay, and claims that make publishing idempotent.

A client remembers one number, the highest position it has handled, but frames may arrive out of order. So
each event stores which lower positions were still unsettled (see `overtaken`) when its own was allocated: a
replay includes them, because the remembered event may have overtaken them.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from realtime_core.errors import StoreUnavailable
from realtime_core.history.overtaken import NOTHING, Overtaken
from realtime_core.lifetimes import DAY_SECONDS
from realtime_core.wire.events import Event
from realtime_core.wire.strict_json import dumps, loads

HISTORY_SECONDS = DAY_SECONDS
HISTORY_EVENTS = 10_000
"""An event is stored while it is younger than HISTORY_SECONDS or among the newest HISTORY_EVENTS."""

KEPT_POSITIONS = HISTORY_EVENTS + HISTORY_EVENTS // 10
"""The newest positions whose events are kept at any age; a tenth more, for those that have no event."""

EVENT_LIFETIME_SECONDS = 90 * DAY_SECONDS
"""No event is stored longer, however few came after it."""

SEARCHED_POSITIONS = 400
"""How far below a position without an event the nearest one is searched for, at least."""

BATCH_EVENTS_MAX = 49
BATCH_BYTES_MAX = 3 * 1024 * 1024
"""The most events that are stored together. Outside limits: a transaction has 100 items, of which an event
needs two, and 4 MB."""

_ATTEMPTS = 1_000
# Outside limit: a whole number in a queued job has 64 bits, and a position has 51.

POSITIONS_PER_MS = 1000
"""A new history begins at the time in milliseconds times this, above each position of an earlier one."""


class StoredEvent(NamedTuple):
    """An event of the history."""

    position: int
    at: int
    """When it was accepted, epoch seconds."""
    event_id: str
    message_type: str
    topic: str
    data: Mapping[str, Any]
    filters: Mapping[str, Any]
    overtaken: Overtaken = NOTHING
    """The lower positions that were not settled when this one was allocated."""
    batch: int = 0
    """The id of the batch in flight that the event belongs to; 0 if it is not known."""
    expires_at: int | None = None
    """After this second, epoch seconds, it is not replayed, though it keeps its place in the order."""


class EventPage(NamedTuple):
    """Stored events in order, from one read."""

    events: list[StoredEvent]
    reached: int
    """The position that the read came to, whether or not it has an event."""


class NewEvent(NamedTuple):
    """An event to be admitted to the history."""

    event_id: str
    text: str | None
    """The encoded event, or None for a notification, which gets no position."""
    expires_at: int | None = None
    """The last second in which it is news, epoch seconds; None for ever."""


class Planning(NamedTuple):
    """How far the planning of an event for a large audience has come."""

    tracking_id: int
    """Of all of its chunks, whichever attempt queued them."""
    began_ms: int
    """When the first attempt began to read the audience, epoch milliseconds."""
    chunks: int = 0
    """How many chunks are queued; the next has this number."""
    recipients: int = 0
    """How many connections are in them."""
    place: str = ""
    """Where in the audience to go on; only the planner can read it."""


class PublishClaim(NamedTuple):
    """A publisher's claim on an event: publish it, or return the answer of an earlier call."""

    event_id: str
    at_ms: int
    """When the event was first accepted, epoch milliseconds: the same for every repeat."""
    position: int | None = None
    """None for a notification, which has no topic and is not in the history."""
    batch: int = 0
    """The id of the batch in flight that the event belongs to; 0 for a notification."""
    batch_size: int = 1
    """The number of events of that batch."""
    answer: str | None = None
    """The answer of an earlier call that published this event; then there is nothing left to do."""
    planning: Planning | None = None
    """What an earlier attempt has planned and queued: go on from there."""


class BatchPositions(NamedTuple):
    """Positions of one batch in flight."""

    batch: int
    size: int
    """The number of events of the whole batch."""
    positions: tuple[int, ...]


class Finished(NamedTuple):
    """An event that is out: pushed, or queued for it."""

    claim: PublishClaim
    answer: str
    """What a repeat is answered."""
    in_flight: bool
    """Whether chunks of it are still to be pushed."""


class HistoryBounds(NamedTuple):
    """The range of the history: the events from `floor` to `newest` are stored."""

    newest: int = 0
    """The highest position that was allocated; 0 if the history is empty."""
    floor: int = 1
    """No event below this position is stored."""
    whole: bool = True
    """Whether nothing was ever removed, so that `floor` is where the history began."""


def split_batches(events: Sequence[NewEvent]) -> Iterator[list[NewEvent]]:
    """Split events into batches that a transaction can store."""
    batch: list[NewEvent] = []
    used = 0
    for event in events:
        size = len((event.text or "").encode())
        if batch and (len(batch) == BATCH_EVENTS_MAX or used + size > BATCH_BYTES_MAX):
            yield batch
            batch, used = [], 0
        batch.append(event)
        used += size
    if batch:
        yield batch


def kept_until(at: int, expires_at: int | None) -> int:
    """Until when an event that was accepted `at` is stored at most (all in epoch seconds).

    An expired event keeps its place in the order for HISTORY_SECONDS: only its item tells what it overtook.
    """
    lifetime = at + EVENT_LIFETIME_SECONDS
    return lifetime if expires_at is None else min(lifetime, max(expires_at, at + HISTORY_SECONDS))


def positions_by_batch(claims: Iterable[PublishClaim]) -> list[BatchPositions]:
    """The positions of claims on events of topics, by the batch in flight that they belong to."""
    positions: dict[tuple[int, int], list[int]] = {}
    for claim in claims:
        if claim.position is not None:
            positions.setdefault((claim.batch, claim.batch_size), []).append(claim.position)
    return [BatchPositions(batch, size, tuple(of_batch)) for (batch, size), of_batch in positions.items()]


def new_tracking_id(position: int, now_ms: int) -> int:
    """The id under which an attempt to publish has its chunks counted: a lowest position, and when it began.

    A later attempt plans its chunks again, so those of an earlier one say nothing about its own.
    """
    return position * _ATTEMPTS + now_ms % _ATTEMPTS


def encode_event(event: Event, event_id: str) -> str:
    """The stored text of an event."""
    fields = {
        "eventId": event_id,
        "messageType": event.message_type,
        "topic": event.topic,
        "data": event.data,
        "filters": event.filters,
    }
    return dumps(fields if event.expires_at is None else {**fields, "expiresAt": event.expires_at})


def decode_event(
    text: str, *, position: int, at_ms: int, overtaken: Overtaken = NOTHING, batch: int = 0
) -> StoredEvent:
    """The event of a stored text."""
    stored: dict[str, Any] = loads(text)
    return StoredEvent(
        position=position,
        at=at_ms // 1000,
        event_id=stored["eventId"],
        message_type=stored["messageType"],
        topic=stored["topic"],
        data=stored["data"],
        filters=stored["filters"],
        overtaken=overtaken,
        batch=batch,
        expires_at=stored.get("expiresAt"),
    )


class History(Protocol):
    """The stored events, as a replay reads them. All reads are consistent."""

    def bounds(self) -> HistoryBounds:
        """The range of the history (one read)."""

    def last_event_until(self, position: int, floor: int) -> StoredEvent | None:
        """The stored event at `position`, or where there is none the nearest below it, but not below `floor`.

        None if there is none within SEARCHED_POSITIONS. One read where the event exists, a few otherwise.
        """

    def events(self, first: int, last: int) -> Iterator[EventPage]:
        """The stored events from `first` to `last`, inclusive, in order; each page takes one read."""

    def events_back(self, last: int, first: int) -> Generator[EventPage]:
        """The stored events from `last` down to `first`, inclusive, newest first; each page takes one read.

        Several reads are under way at once: of those that nobody has asked for when it is closed, there are
        fewer than of the others.
        """


class Admission(Protocol):
    """What publishing writes: claims on events, their positions, and what is still in flight."""

    def claim_all(self, events: Sequence[NewEvent], now_ms: int) -> list[PublishClaim | StoreUnavailable]:
        """Allocate positions to events of different ids, in their order, and store them together.

        Each event id is stored once, even if callers run at once. A repeat within 24 h returns the first
        call's position, time and, as soon as there is one, answer. A repeat whose first call died is taken
        over: it keeps its position, unless that has long ceased to be in flight. The result of an event that
        another caller is publishing just now is StoreUnavailable, after a wait for the answer; so is every
        result of a call that could not reach the store.
        """

    def note_planning(self, claim: PublishClaim, planning: Planning) -> None:
        """Record how far the planning of an event has come: who takes it over goes on from there."""

    def expect_chunks(self, tracking_id: int, chunks: int, claims: Sequence[PublishClaim]) -> None:
        """Record the number of chunks that push these events of topics, before or after they are queued.

        The events are settled together, by the last of the chunks. `tracking_id` is a `new_tracking_id`.
        """

    def finish_all(self, finished: Sequence[Finished]) -> None:
        """Store the answers of events, and settle those of which nothing is in flight."""

    def release_all(self, claims: Sequence[PublishClaim]) -> None:
        """Give up claims on events that could not be published, so that a retry can begin at once."""


class Chunks(Protocol):
    """The chunks of queued events, as `delivery` completes them."""

    def complete_chunks(self, tracking_id: int, chunks: Collection[int]) -> None:
        """Record that chunks need no further attempt; a repeat is not an error.

        While there are others, their events stay in flight, however long it takes to push them all.
        """


class Trimming(Protocol):
    """What the janitor does for the history."""

    def trim(self, now_ms: int, seconds: float) -> int:
        """Remove, for about `seconds`, events older than HISTORY_SECONDS and not among the newest.

        Returns their number. Also begins an empty history, and removes what is in flight no longer.
        """
