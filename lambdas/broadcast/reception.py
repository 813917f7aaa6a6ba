"""Reads what publishers send: one event, or several in an envelope. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from broadcast.publisher import Result, Submission
from realtime_core.errors import ValidationFailed
from realtime_core.wire.envelopes import events_of
from realtime_core.wire.events import parse_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from realtime_core.wire.events import Event
    from realtime_core.wire.forwarded import Origin


class Received(NamedTuple):
    """An event as it came: it can be published, or breaks the contract."""

    raw: Any
    submission: Submission | None
    refusal: ValidationFailed | None = None


class Reception(NamedTuple):
    """The events of one message or invocation."""

    received: tuple[Received, ...]
    is_envelope: bool
    """Whether they came as `{"events": [event, …]}`."""


def receive(
    raw: Any, carrier_id: str, origin: Origin | None = None, check: Callable[[Event], None] | None = None
) -> Reception:
    """Read the events of a message or invocation. Raises ValidationFailed if it is no envelope and no event.

    An event without an id gets that of its carrier, which a repeat has too; in an envelope its index follows.
    `origin` is where another Region accepted it, and `check` raises ValidationFailed for an event that could
    be accepted but not forwarded to others.
    """
    events = events_of(raw)
    if events is None:
        event = _parse(raw, check)
        submission = Submission(event, event.event_id or carrier_id, origin)
        return Reception((Received(raw, submission),), is_envelope=False)
    received = tuple(
        _receive(event, f"{carrier_id}.{index}", origin, check) for index, event in enumerate(events)
    )
    return Reception(received, is_envelope=True)


def answer(item: Received, result: Result | None) -> dict[str, Any]:
    """What an event of an envelope is answered; `result` is None for one that breaks the contract."""
    if item.refusal is not None or item.submission is None:
        return {"broadcast": "rejected", "errors": item.refusal.details if item.refusal else []}
    if isinstance(result, dict):
        return result
    return {"broadcast": "failed", "eventId": item.submission.event_id, "reason": FAILED_REASON}


FAILED_REASON = "The event could not be published just now; it waits in the events queue for another attempt."


def _receive(
    raw: Any, event_id: str, origin: Origin | None, check: Callable[[Event], None] | None
) -> Received:
    try:
        event = _parse(raw, check)
    except ValidationFailed as error:
        return Received(raw, None, error)
    return Received(raw, Submission(event, event.event_id or event_id, origin))


def _parse(raw: Any, check: Callable[[Event], None] | None) -> Event:
    event = parse_event(raw)
    if check is not None:
        check(event)
    return event
