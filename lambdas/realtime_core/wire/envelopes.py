"""What carriers put around a published event: SNS notifications, EventBridge events, records of Lambda.

Inside them may be the wrapping of an event that another Region forwarded (`wire.forwarded`).

A carrier may deliver one envelope twice, as two messages of the queue. Only the id inside the envelope tells
that they are one: SNS's `MessageId`
(docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html), EventBridge's `id`
(docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html). Lambda's record of a failed
asynchronous invocation has the id of the invocation, which all its attempts had
(docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from realtime_core.wire.fields import Field, json_object, read_fields, reject
from realtime_core.wire.forwarded import FORWARDED_KEY, Origin, unwrap_event
from realtime_core.wire.json_problems import parse_text

# An SNS envelope may hold an EventBridge event, that a forwarded event, and each may hold the event; deeper
# nesting is a mistake. Lambda's records have no envelope around the event.
_ENVELOPES_MAX = 3
_ID_CHARS_MAX = 64


EVENTS_MAX = 100
"""The most events of one envelope."""


class Carried(NamedTuple):
    """The raw event of a queue message, which `parse_event` validates, or several (`events_of`)."""

    raw: dict[str, Any]
    carrier_id: str | None
    """The id that its carrier gave it, the same however often it is delivered; None where none is known.

    Of nested envelopes it is the innermost one's: what forwards an event may itself get it twice. It is at
    most 64 letters, digits and hyphens, so an event id has room for more behind it.
    """
    origin: Origin | None = None
    """Where the event was accepted first, if another Region forwarded it."""


def unwrap(body: str) -> Carried:
    """Extract the raw event from a queue message: its body, or the content of its envelope.

    Raises ValidationFailed if there is no JSON object, or a forwarded event whose wrapping is malformed.
    """
    raw, carrier_id, origin = _object(body, "body"), None, None
    for _ in range(_ENVELOPES_MAX):
        if "messageType" in raw or "events" in raw:
            break
        if raw.get("Type") == "Notification" and "Message" in raw:
            carrier_id = _identifier(raw.get("MessageId")) or carrier_id
            raw = _object(raw["Message"], "Message")
        elif "detail-type" in raw and "detail" in raw:
            carrier_id = _identifier(raw.get("id")) or carrier_id
            raw = json_object(raw["detail"], "detail")
        elif "requestPayload" in raw and "requestContext" in raw:
            carrier_id = _identifier(json_object(raw["requestContext"], "requestContext").get("requestId"))
            raw = json_object(raw["requestPayload"], "requestPayload")
        elif FORWARDED_KEY in raw:
            raw, origin = unwrap_event(raw)
            break
        else:
            break
    return Carried(raw, carrier_id, origin)


def events_of(raw: Any) -> list[Any] | None:
    """Return the raw events of `{"events": [event, …]}`; None for anything else, which is one event.

    Raises ValidationFailed unless there are 1 to EVENTS_MAX of them, and nothing beside.
    """
    if not isinstance(raw, dict) or "events" not in raw or "messageType" in raw:
        return None
    (events,) = read_fields(raw, (Field("events", _events),))
    return list(events)


def with_ids(events: Sequence[Any], carrier_id: str) -> list[Any]:
    """The raw events of an envelope, each with an id: its own, else its carrier's with its index behind it.

    What is no object stays as it is, for `parse_event` to reject.
    """
    return [
        {**event, "eventId": f"{carrier_id}.{index}"}
        if isinstance(event, dict) and event.get("eventId") is None
        else event
        for index, event in enumerate(events)
    ]


def _events(raw: Any, path: str) -> list[Any]:
    if not (isinstance(raw, list) and 1 <= len(raw) <= EVENTS_MAX):
        reject(path, f"must be a list of 1 to {EVENTS_MAX} events")
    return raw


def is_carrier_id(value: Any) -> bool:
    """Whether a value is like an id that AWS gives a message: UUIDs are, at most 64 of their characters."""
    return (
        isinstance(value, str)
        and len(value) <= _ID_CHARS_MAX
        and value.isascii()
        and value.replace("-", "").isalnum()
    )


def _identifier(value: Any) -> str | None:
    """Return the id of an envelope; None for anything that is not like AWS's."""
    return value if is_carrier_id(value) else None


def _object(text: Any, path: str) -> dict[str, Any]:
    return json_object(parse_text(text, path) if isinstance(text, str) else text, path)
