"""Published events: read, checked, and turned into the frames that people receive."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from realtime_core.errors import Problem
from realtime_core.wire.fields import (
    IDENTIFIER,
    Field,
    identifier,
    json_object,
    read_fields,
    refuse,
    refuse_if,
)
from realtime_core.wire.frames import MESSAGE_BYTES_MAX, content_fits, frame
from realtime_core.wire.json_problems import find_json_problems, parse_leniently
from realtime_core.wire.strict_json import INTEGER_MAX, byte_length, dumps, loads
from realtime_core.wire.topics import ALL_DEALS, read_topic

RECIPIENTS_MAX = 1000
_MESSAGE_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
# An SNS envelope may hold an EventBridge event, and either may hold the event: deeper than that is a mistake.
_ENVELOPES_MAX = 3


class Event(NamedTuple):
    """One event of a backend, for the subscribers of a topic or for named users."""

    message_type: str
    data: Mapping[str, Any]
    topic: str | None
    """None where there are recipients."""
    filters: Mapping[str, Any]
    """Attributes for subscribers' filters to look at; without meaning where there are recipients."""
    event_id: str | None
    """The publisher's own, by which repeats are one event."""
    recipients: tuple[str, ...] | None


def parse_event(raw: Any) -> Event:
    """Read an event, as decoded from whatever carried it. Raises ValidationFailed with every problem."""
    try:
        # Carriers decode JSON more laxly than we do; what passes here can be stored and sent on.
        raw = loads(dumps(raw))
    except ValueError as error:
        refuse_if(find_json_problems(raw, "event"))
        refuse("event", str(error))
    event = Event(*read_fields(json_object(raw, "event"), _FIELDS))
    if event.topic is not None and event.recipients is not None:
        refuse("recipients", "cannot be combined with topic; publish to one or the other")
    if event.topic is None and event.recipients is None:
        event = Event(event.message_type, event.data, ALL_DEALS, event.filters, event.event_id, None)
    _refuse_too_large(event)
    return event


def event_frame(event: Event, *, event_id: str, now: int, position: int | None = None) -> str:
    """The push to the subscribers; `position` is left out while there is none."""
    return frame(
        event.message_type, event.data, now=now, topic=event.topic, eventId=event_id, position=position
    )


def notification_content(event: Event) -> dict[str, Any]:
    """What is kept in each recipient's inbox."""
    return dict(event.data)


def notification_frame(event: Event, *, message_id: str, event_id: str, now: int) -> str:
    """The push to the recipients: the content with the id to acknowledge it by.

    The frame is a `notification` whatever the publisher called it; a name of its own stands beside the data.
    """
    named = None if event.message_type == "notification" else event.message_type
    data = {**notification_content(event), "messageId": message_id}
    return frame("notification", data, now=now, eventId=event_id, messageType=named)


def unwrap(body: str) -> Any:
    """The raw event of a queue's message: the body itself, or what an SNS or EventBridge envelope holds.

    Raises ValidationFailed where there is no JSON object inside; `parse_event` judges the object.
    """
    raw = _object(body, "body")
    for _ in range(_ENVELOPES_MAX):
        if "messageType" in raw:
            break
        if raw.get("Type") == "Notification" and "Message" in raw:
            raw = _object(raw["Message"], "Message")
        elif "detail-type" in raw and "detail" in raw:
            raw = json_object(raw["detail"], "detail")
        else:
            break
    return raw


def _object(text: Any, path: str) -> dict[str, Any]:
    try:
        raw = loads(text) if isinstance(text, str) else text
    except ValueError as error:
        refuse_if(find_json_problems(parse_leniently(text), path))
        refuse(path, str(error))
    return json_object(raw, path)


def _refuse_too_large(event: Event) -> None:
    if event.recipients is not None:
        fits = content_fits(notification_content(event))
    else:
        # The largest frame it can become: with the position and id that it may be given later.
        largest = event_frame(
            event, event_id=event.event_id or "x" * 128, now=INTEGER_MAX, position=INTEGER_MAX
        )
        fits = byte_length(largest) <= MESSAGE_BYTES_MAX
    if not fits:
        refuse("data", f"is too large: the frame to a client would pass {MESSAGE_BYTES_MAX} bytes")
    # They travel to no client, but are kept with the event: outside limit, DynamoDB takes items of 400 KB.
    if (size := byte_length(dumps(event.filters))) > MESSAGE_BYTES_MAX:
        refuse("filters", f"is too large: {size} bytes; at most {MESSAGE_BYTES_MAX} are allowed per event")


def _message_type(raw: Any, path: str) -> str:
    if not isinstance(raw, str) or not _MESSAGE_TYPE.fullmatch(raw):
        refuse(path, "must be a letter and up to 63 characters more of A-Z a-z 0-9 _ . -")
    return raw


def _recipients(raw: Any, path: str) -> tuple[str, ...]:
    if not isinstance(raw, list) or not raw:
        refuse(path, f"must be a list of 1 to {RECIPIENTS_MAX} user ids")
    refuse_if(
        Problem(f"{path}[{index}]", "must be a user id: 1 to 128 characters of A-Z a-z 0-9 . _ : @ | -")
        for index, one in enumerate(raw)
        if not (isinstance(one, str) and IDENTIFIER.fullmatch(one))
    )
    distinct = tuple(dict.fromkeys(raw))
    if len(distinct) > RECIPIENTS_MAX:
        refuse(path, f"names {len(distinct)} users; at most {RECIPIENTS_MAX} are allowed per event")
    return distinct


# In the order of Event's fields.
_FIELDS = (
    Field("messageType", _message_type),
    Field("data", json_object),
    Field("topic", read_topic, None),
    Field("filters", json_object, {}),
    Field("eventId", identifier, None),
    Field("recipients", _recipients, None),
)
