"""Published events: parsing, validation, and the frames that clients receive for them."""

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
    reject,
    reject_if_any,
)
from realtime_core.wire.frames import MESSAGE_BYTES_MAX, content_fits, frame
from realtime_core.wire.json_problems import find_json_problems
from realtime_core.wire.strict_json import INTEGER_MAX, byte_length, dumps, loads
from realtime_core.wire.topics import ALL_DEALS, read_topic

RECIPIENTS_MAX = 1000
_MESSAGE_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
PROTOCOL_FRAME_TYPES = frozenset(
    {
        "batch",
        "closing",
        "error",
        "events",
        "messageReceived",
        "messageSent",
        "messageStatus",
        "messages",
        "notificationAcked",
        "pong",
        "presence",
        "reconnect",
        "statusUpdate",
        "subscriptionConfirmed",
        "subscriptionEnded",
        "tokenExpiring",
        "tokenRefreshed",
        "unsubscriptionConfirmed",
    }
)
"""What the frames of the protocol itself are called, replies and pushes: no event may be."""


class Event(NamedTuple):
    """An event from a backend, for the subscribers of a topic or for named users."""

    message_type: str
    data: Mapping[str, Any]
    topic: str | None
    """None if the event has recipients."""
    filters: Mapping[str, Any]
    """Attributes that subscribers' filters match against; unused if the event has recipients."""
    event_id: str | None
    """The publisher's id; an event with the same id is a repeat."""
    recipients: tuple[str, ...] | None


def parse_event(raw: Any) -> Event:
    """Validate an event that was decoded from its envelope. Raises ValidationFailed with every problem."""
    try:
        # Lambda and SNS parse JSON more leniently; what passes the strict parser can be stored and sent.
        raw = loads(dumps(raw))
    except ValueError as error:
        reject_if_any(find_json_problems(raw, "event"))
        reject("event", str(error))
    event = Event(*read_fields(json_object(raw, "event"), _FIELDS))
    if event.topic is not None and event.recipients is not None:
        reject("recipients", "cannot be combined with topic; publish to one or the other")
    if event.message_type == "notification" and event.recipients is None:
        reject("messageType", _RESERVED)
    if event.topic is None and event.recipients is None:
        event = Event(event.message_type, event.data, ALL_DEALS, event.filters, event.event_id, None)
    _reject_if_too_large(event)
    return event


def event_frame(event: Event, *, event_id: str, now: int, position: int | None = None) -> str:
    """The frame for subscribers; it omits `position` if that is None."""
    return frame(
        event.message_type, event.data, now=now, topic=event.topic, eventId=event_id, position=position
    )


def notification_content(event: Event) -> dict[str, Any]:
    """The content that is stored in each recipient's inbox."""
    return dict(event.data)


def notification_frame(event: Event, *, message_id: str, event_id: str, now: int) -> str:
    """The frame for recipients: the content, with the message id that acknowledges it.

    Its type is always `notification`; any other message type of the event goes into `messageType`.
    """
    message_type = None if event.message_type == "notification" else event.message_type
    data = {**notification_content(event), "messageId": message_id}
    return frame("notification", data, now=now, eventId=event_id, messageType=message_type)


def _reject_if_too_large(event: Event) -> None:
    if event.recipients is not None:
        fits = content_fits(notification_content(event))
    else:
        # The largest possible frame: the position and id may be assigned later.
        largest = event_frame(
            event, event_id=event.event_id or "x" * 128, now=INTEGER_MAX, position=INTEGER_MAX
        )
        fits = byte_length(largest) <= MESSAGE_BYTES_MAX
    if not fits:
        reject("data", f"is too large: the frame to a client would exceed {MESSAGE_BYTES_MAX} bytes")
    # Clients do not receive filters, but the history stores them. Outside limit: a DynamoDB item has 400 KB.
    if (size := byte_length(dumps(event.filters))) > MESSAGE_BYTES_MAX:
        reject("filters", f"is too large: {size} bytes; at most {MESSAGE_BYTES_MAX} are allowed per event")


_RESERVED = "is the name of one of the protocol's own frames; choose another, such as dealUpdate"


def _message_type(raw: Any, path: str) -> str:
    if not isinstance(raw, str) or not _MESSAGE_TYPE.fullmatch(raw):
        reject(path, "must be a letter followed by up to 63 characters of A-Z a-z 0-9 _ . -")
    if raw in PROTOCOL_FRAME_TYPES:
        reject(path, _RESERVED)
    return raw


def _recipients(raw: Any, path: str) -> tuple[str, ...]:
    if not isinstance(raw, list) or not raw:
        reject(path, f"must be a list of 1 to {RECIPIENTS_MAX} user ids")
    reject_if_any(
        Problem(f"{path}[{index}]", "must be a user id: 1 to 128 characters of A-Z a-z 0-9 . _ : @ | -")
        for index, user_id in enumerate(raw)
        if not (isinstance(user_id, str) and IDENTIFIER.fullmatch(user_id))
    )
    distinct = tuple(dict.fromkeys(raw))
    if len(distinct) > RECIPIENTS_MAX:
        reject(path, f"names {len(distinct)} users; at most {RECIPIENTS_MAX} are allowed per event")
    return distinct


# In the order of the fields of Event.
_FIELDS = (
    Field("messageType", _message_type),
    Field("data", json_object),
    Field("topic", read_topic, None),
    Field("filters", json_object, {}),
    Field("eventId", identifier, None),
    Field("recipients", _recipients, None),
)
