"""The history: positions, stored events for replay, and claims that make publishing idempotent.

A client remembers one number, the highest position it has seen, but frames may arrive out of order. So each
event stores the lowest position that was still in flight (allocated, but not completely pushed) when its own
was allocated. A replay begins there, so that it includes every event that the remembered one overtook.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from realtime_core.wire.events import Event
from realtime_core.wire.strict_json import dumps, loads

HISTORY_SECONDS = 24 * 60 * 60
HISTORY_EVENTS = 10_000
"""An event is stored while it is younger than HISTORY_SECONDS or among the newest HISTORY_EVENTS."""

IN_FLIGHT_SECONDS_MAX = 15 * 60
"""After this an event no longer counts as in flight: its publisher crashed, or a chunk is a dead letter."""


class StoredEvent(NamedTuple):
    """An event of the history."""

    position: int
    low: int
    """The lowest position in flight when this one was allocated; at most `position`."""
    at: int
    """When it was accepted, epoch seconds."""
    event_id: str
    message_type: str
    topic: str
    data: Mapping[str, Any]
    filters: Mapping[str, Any]


class PublishClaim(NamedTuple):
    """A publisher's claim on an event: publish it, or return the answer of an earlier call."""

    event_id: str
    at_ms: int
    """When the event was first accepted, epoch milliseconds: the same for every repeat."""
    position: int | None
    """None for a notification, which has no topic and is not in the history."""
    in_flight_id: str | None = None
    """Identifies the position among those in flight."""
    answer: str | None = None
    """The answer of an earlier call that published this event; then there is nothing left to do."""


class StreamBounds(NamedTuple):
    """The range of the history: the events from `floor` to `newest` are stored."""

    newest: int
    floor: int
    settled: int
    """Every event up to this position is completely pushed; a new subscriber misses none after it."""


def encode_event(event: Event, event_id: str) -> str:
    """The stored text of an event."""
    return dumps(
        {
            "eventId": event_id,
            "messageType": event.message_type,
            "topic": event.topic,
            "data": event.data,
            "filters": event.filters,
        }
    )


def decode_event(text: str, *, position: int, low: int, at_ms: int) -> StoredEvent:
    """The event of a stored text."""
    stored: dict[str, Any] = loads(text)
    return StoredEvent(
        position=position,
        low=low,
        at=at_ms // 1000,
        event_id=stored["eventId"],
        message_type=stored["messageType"],
        topic=stored["topic"],
        data=stored["data"],
        filters=stored["filters"],
    )


def new_in_flight_id(now_s: int, entropy: bytes) -> str:
    """An id for an event in flight; it starts with the time in epoch seconds."""
    return f"{now_s}-{entropy.hex()}"


def expired(in_flight: Mapping[str, int], now_s: int) -> list[str]:
    """The ids that began too long ago to be in flight still. `in_flight` has positions by id."""
    return [name for name in in_flight if int(name.partition("-")[0]) < now_s - IN_FLIGHT_SECONDS_MAX]


def lowest_in_flight(in_flight: Mapping[str, int], default: int, now_s: int) -> int:
    """The lowest position in flight, or `default` if there is none."""
    old = set(expired(in_flight, now_s))
    return min((position for name, position in in_flight.items() if name not in old), default=default)


class History(Protocol):
    """The published events with their positions, and the claims that make publishing idempotent."""

    def claim(self, event_id: str, text: str | None, now_ms: int) -> PublishClaim:
        """Allocate a position and store the event, once for each event id, even if callers run at once.

        `text` is the encoded event, or None for a notification, which gets no position. A repeat within 24 h
        returns the first call's position, time and, as soon as there is one, answer. While another caller is
        publishing the event, this waits for its answer; raises StoreUnavailable if that takes too long.
        """

    def expect_chunks(self, claim: PublishClaim, chunks: int) -> None:
        """Record the number of chunks that push the event, before they are queued."""

    def complete_chunk(self, position: int, chunk: int) -> None:
        """Record that a chunk needs no further attempt; a repeat is not an error."""

    def finish(self, claim: PublishClaim, answer: str, *, in_flight: bool) -> None:
        """Store the answer. With `in_flight`, queued chunks are still to be pushed."""

    def release(self, claim: PublishClaim) -> None:
        """Give up the claim on an event that could not be published, so that a retry can begin at once."""

    def bounds(self, now_s: int) -> StreamBounds:
        """The range of the history (one consistent read)."""

    def event_at(self, position: int) -> StoredEvent | None:
        """The event at a position, or None if it is not stored."""

    def events_between(self, first: int, last: int) -> Iterator[StoredEvent]:
        """The stored events from `first` to `last`, inclusive, in order."""

    def trim(self, now_ms: int) -> int:
        """Remove events that are older than a day and not among the newest 10,000; returns their number."""
