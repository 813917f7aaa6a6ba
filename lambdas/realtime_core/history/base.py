"""Positions and what is kept of an event, so that who was away can read it and a repeat is known as one.

A client remembers one number, the highest position it saw, but live frames may overtake each other. So each
event remembers which positions were still flying (given out, their pushing not ended) when it got its own:
a replay begins at the lowest of them, and nothing that the remembered event overtook is lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from realtime_core.wire.events import Event
from realtime_core.wire.strict_json import dumps, loads

HISTORY_SECONDS = 24 * 60 * 60

HISTORY_EVENTS = 10_000
"""An event is kept while it is younger than the first or among the last of the second."""

IN_FLIGHT_SECONDS_MAX = 15 * 60
"""After this an event no longer counts as in flight: its publisher crashed, or a chunk is a dead letter."""


class StoredEvent(NamedTuple):
    """An event as it is kept."""

    position: int
    low: int
    """The lowest position that was flying when this one was given out; at most `position`."""
    at: int
    """When it was accepted, epoch seconds."""
    event_id: str
    message_type: str
    topic: str
    data: Mapping[str, Any]
    filters: Mapping[str, Any]


class PublishClaim(NamedTuple):
    """An event at the door: publish it, or answer what was answered before."""

    event_id: str
    at_ms: int
    """When the event was first accepted, epoch milliseconds: the same for every repeat."""
    position: int | None
    """None for a notification, which has no topic and so no place in a history."""
    in_flight_id: str | None = None
    """What to end with: names the position's flight."""
    answer: str | None = None
    """What was answered when this event was published before; then there is nothing left to do."""


class StreamBounds(NamedTuple):
    """How far the history reaches: positions from `floor` to `newest` are kept."""

    newest: int
    floor: int
    settled: int
    """Everything up to here has landed; whoever subscribes now has missed nothing after it."""


def encode_event(event: Event, event_id: str) -> str:
    """The text of an event that is kept."""
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
    """The event of a kept text."""
    kept: dict[str, Any] = loads(text)
    return StoredEvent(
        position=position,
        low=low,
        at=at_ms // 1000,
        event_id=kept["eventId"],
        message_type=kept["messageType"],
        topic=kept["topic"],
        data=kept["data"],
        filters=kept["filters"],
    )


def new_in_flight_id(now_s: int, entropy: bytes) -> str:
    """An id for an event in flight that tells when it began."""
    return f"{now_s}-{entropy.hex()}"


def expired(flying: Mapping[str, int], now_s: int) -> list[str]:
    """The flights that began too long ago to be in the air still."""
    return [name for name in flying if int(name.partition("-")[0]) < now_s - IN_FLIGHT_SECONDS_MAX]


def lowest_in_flight(flying: Mapping[str, int], otherwise: int, now_s: int) -> int:
    """The lowest position in the air, or `otherwise` where nothing flies."""
    old = set(expired(flying, now_s))
    return min((position for name, position in flying.items() if name not in old), default=otherwise)


class History(Protocol):
    """What was published: positions, a day of events, and what makes a repeated event harmless."""

    def claim(self, event_id: str, kept: str | None, now_ms: int) -> PublishClaim:
        """Give an event its position and keep it, once for each event id, under concurrency too.

        `kept` is the event's text, or None for a notification, which gets no position. A repeat within 24 h
        gets the first one's position, time and, once there is one, answer. While another is at work on the
        same event this waits for its answer, and raises StoreUnavailable where that takes too long.
        """

    def expect_chunks(self, claim: PublishClaim, chunks: int) -> None:
        """Say, before they are queued, that an event's pushing goes on in so many chunks."""

    def complete_chunk(self, position: int, chunk: int) -> None:
        """Say that a chunk needs no further attempt; a repeat is no error."""

    def finish(self, claim: PublishClaim, answer: str, *, in_flight: bool) -> None:
        """Keep what was answered; `flying` where the pushing goes on from the queue."""

    def release(self, claim: PublishClaim) -> None:
        """Let the next try of an event that could not be published begin at once."""

    def bounds(self, now_s: int) -> StreamBounds:
        """How far the history reaches (one consistent read)."""

    def event_at(self, position: int) -> StoredEvent | None:
        """The event at a position, if it is kept."""

    def events_between(self, first: int, last: int) -> Iterator[StoredEvent]:
        """The kept events from one position to another, both included, in order."""

    def trim(self, now_ms: int) -> int:
        """Remove what is older than a day and not among the last 10,000 events; how many events."""
