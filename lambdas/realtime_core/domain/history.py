"""Positions and what is kept of an event, so that who was away can read it and a repeat is known as one.

A client remembers one number, the highest position it saw, but live frames may overtake each other. So each
event remembers which positions were still flying (given out, their pushing not ended) when it got its own:
a replay begins at the lowest of them, and nothing that the remembered event overtook is lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from realtime_core.domain.events import Event
from realtime_core.domain.jsontext import dumps, loads

HISTORY_SECONDS = 24 * 60 * 60
HISTORY_EVENTS = 10_000
"""An event is kept while it is younger than the first or among the last of the second."""

FLYING_SECONDS_MAX = 15 * 60
"""After this a flight counts as ended: who pushed it crashed, and a queued chunk is a dead letter by then."""


class Past(NamedTuple):
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


class Admission(NamedTuple):
    """An event at the door: publish it, or answer what was answered before."""

    event_id: str
    at_ms: int
    """When the event was first accepted, epoch milliseconds: the same for every repeat."""
    position: int | None
    """None for a notification, which has no topic and so no place in a history."""
    flight: str | None = None
    """What to end with: names the position's flight."""
    answer: str | None = None
    """What was answered when this event was published before; then there is nothing left to do."""


class Horizon(NamedTuple):
    """How far the history reaches: positions from `floor` to `newest` are kept."""

    newest: int
    floor: int
    landed: int
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


def decode_past(text: str, *, position: int, low: int, at_ms: int) -> Past:
    """The event of a kept text."""
    kept: dict[str, Any] = loads(text)
    return Past(
        position=position,
        low=low,
        at=at_ms // 1000,
        event_id=kept["eventId"],
        message_type=kept["messageType"],
        topic=kept["topic"],
        data=kept["data"],
        filters=kept["filters"],
    )


def flight_name(now_s: int, entropy: bytes) -> str:
    """A name for a flight that tells when it began."""
    return f"{now_s}-{entropy.hex()}"


def grounded(flying: Mapping[str, int], now_s: int) -> list[str]:
    """The flights that began too long ago to be in the air still."""
    return [name for name in flying if int(name.partition("-")[0]) < now_s - FLYING_SECONDS_MAX]


def lowest(flying: Mapping[str, int], otherwise: int, now_s: int) -> int:
    """The lowest position in the air, or `otherwise` where nothing flies."""
    old = set(grounded(flying, now_s))
    return min((position for name, position in flying.items() if name not in old), default=otherwise)
