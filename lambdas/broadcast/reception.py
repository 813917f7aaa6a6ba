"""Reads what publishers send: one event, or several in an envelope. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from broadcast.publisher import Result, Submission
from realtime_core.auth.permissions import check_recipient_permitted, check_topic_permitted
from realtime_core.errors import Forbidden, Problem, ValidationFailed
from realtime_core.wire.envelopes import events_of
from realtime_core.wire.events import parse_event
from realtime_core.wire.forwarded import rewrap_event
from realtime_core.wire.strict_json import dumps

if TYPE_CHECKING:
    from collections.abc import Callable

    from realtime_core.auth.permissions import Permissions
    from realtime_core.wire.events import Event
    from realtime_core.wire.forwarded import Origin


FAILED_REASON = "The event could not be published just now; it waits in the events queue for another attempt."
NOT_PUBLISHED_REASON = "The event could not be published just now; send it again with this eventId."


class Received(NamedTuple):
    """An event as it came: it can be published, breaks the contract, or is not its publisher's to send."""

    raw: Any
    submission: Submission | None
    refusal: ValidationFailed | Forbidden | None = None


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
    be accepted but not forwarded to others, and Forbidden for one that its publisher may not publish.
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


def answer(item: Received, result: Result | None, reason: str = FAILED_REASON) -> dict[str, Any]:
    """What an event of an envelope is answered. `result` is None for one that was not tried.

    `reason` is what is said of one that could not be published.
    """
    if item.refusal is not None or item.submission is None:
        return {"broadcast": "rejected", "errors": []} if item.refusal is None else refused(item.refusal)
    if isinstance(result, dict):
        return result
    return {"broadcast": "failed", "eventId": item.submission.event_id, "reason": reason}


def refused(error: ValidationFailed | Forbidden) -> dict[str, Any]:
    """What an event is answered that breaks the contract, or that its publisher may not publish."""
    if isinstance(error, ValidationFailed):
        return {"broadcast": "rejected", "errors": error.details}
    field = "topic" if error.details["reason"] == "topic" else "recipients"
    problem = Problem(field, f"{error.message[0].lower()}{error.message[1:]}")
    return {
        "broadcast": "rejected",
        "errors": [problem.as_dict()],
        "code": error.code,
        "details": error.details,
    }


def check_permitted(event: Event, permissions: Permissions) -> None:
    """Raise Forbidden unless a publisher's permissions cover the event's topic, or each of its recipients."""
    if event.topic is not None:
        check_topic_permitted(permissions, event.topic)
    for user_id in event.recipients or ():
        check_recipient_permitted(permissions, user_id)


def has_more(result: Result | None) -> bool:
    """Whether an event has an audience that another attempt must go on with."""
    return isinstance(result, dict) and "more" in result


def text_of(item: Received) -> str:
    """The text under which an event comes again, with the id that it has got."""
    assert item.submission is not None, "an event that breaks the contract does not come again"  # noqa: S101
    _, event_id, origin = item.submission
    named = {**item.raw, "eventId": event_id}
    # What another Region forwarded keeps its mark, or it would be sent back there.
    return dumps(named) if origin is None else rewrap_event(named, origin)


def _receive(
    raw: Any, event_id: str, origin: Origin | None, check: Callable[[Event], None] | None
) -> Received:
    try:
        event = _parse(raw, check)
    except (ValidationFailed, Forbidden) as error:
        return Received(raw, None, error)
    return Received(raw, Submission(event, event.event_id or event_id, origin))


def _parse(raw: Any, check: Callable[[Event], None] | None) -> Event:
    event = parse_event(raw)
    if check is not None:
        check(event)
    return event
