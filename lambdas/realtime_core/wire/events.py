"""Published events: parsing, validation, and the frames that clients receive for them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

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
EPOCH_SECONDS_MIN, EPOCH_SECONDS_MAX = 10**9, 10**10 - 1
"""What passes for a time in epoch seconds, 2001 to 2286: no duration does, and no time in milliseconds."""
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
    expires_at: int | None = None
    """The last second in which it is news, epoch seconds; None for ever."""


class EventContent(Protocol):
    """What an event's frame is made of: an event as it was published, or as the history has it."""

    @property
    def message_type(self) -> str:
        """The type of its frame."""

    @property
    def data(self) -> Mapping[str, Any]:
        """What clients receive."""

    @property
    def topic(self) -> str | None:
        """Its topic, None if it has recipients."""

    @property
    def filters(self) -> Mapping[str, Any]:
        """Attributes that subscribers' filters match against, before the data."""

    @property
    def expires_at(self) -> int | None:
        """The last second in which it is news, epoch seconds; None for ever."""


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
        event = event._replace(topic=ALL_DEALS)
    _reject_if_too_large(event)
    return event


def event_frame(event: Event, *, event_id: str, now: int, position: int | None = None) -> str:
    """The frame for subscribers; it omits `position` if that is None."""
    return dumps(event_fields(event, event_id=event_id, now=now, position=position))


def event_fields(event: EventContent, *, event_id: str, now: int, position: int | None) -> dict[str, Any]:
    """The fields of the frame for subscribers, live and replayed: equal in both, also in their order.

    What the publisher matched by comes along, so that a client can tell which of its subscriptions it is for.
    """
    fields: dict[str, Any] = {
        "type": event.message_type,
        "data": event.data,
        "topic": event.topic,
        "eventId": event_id,
        "position": position,
        "filters": event.filters or None,
        "expiresAt": event.expires_at,
        "timestamp": now,
    }
    return {name: value for name, value in fields.items() if value is not None}


def notification_content(event: Event) -> dict[str, Any]:
    """The content that is stored in each recipient's inbox."""
    return dict(event.data)


def notification_frame(event: Event, *, message_id: str, event_id: str, now: int) -> str:
    """The frame for recipients: the content, with the message id that acknowledges it.

    Its type is always `notification`; any other message type of the event goes into `messageType`.
    """
    message_type = None if event.message_type == "notification" else event.message_type
    data = {**notification_content(event), "messageId": message_id}
    return frame(
        "notification",
        data,
        now=now,
        eventId=event_id,
        messageType=message_type,
        expiresAt=event.expires_at,
    )


def _reject_if_too_large(event: Event) -> None:
    if (size := byte_length(dumps(event.filters))) > MESSAGE_BYTES_MAX:
        reject("filters", f"is too large: {size} bytes; at most {MESSAGE_BYTES_MAX} are allowed per event")
    if event.recipients is not None:
        fits = content_fits(notification_content(event))
    else:
        # The largest possible frame: the position and id may be assigned later.
        largest = event_frame(
            event, event_id=event.event_id or "x" * 128, now=INTEGER_MAX, position=INTEGER_MAX
        )
        fits = byte_length(largest) <= MESSAGE_BYTES_MAX
    if not fits:
        with_filters = ", with its filters," if event.filters else ""
        reject(
            "data",
            f"is too large: the frame to a client{with_filters} would exceed {MESSAGE_BYTES_MAX} bytes",
        )


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


def _epoch_seconds(raw: Any, path: str) -> int:
    whole = isinstance(raw, int) or (isinstance(raw, float) and raw.is_integer())
    if not whole or isinstance(raw, bool) or not EPOCH_SECONDS_MIN <= raw <= EPOCH_SECONDS_MAX:
        reject(path, "must be a time in epoch seconds, a whole number of ten digits such as 1795382480")
    return int(raw)


# In the order of the fields of Event.
_FIELDS = (
    Field("messageType", _message_type),
    Field("data", json_object),
    Field("topic", read_topic, None),
    Field("filters", json_object, {}),
    Field("eventId", identifier, None),
    Field("recipients", _recipients, None),
    Field("expiresAt", _epoch_seconds, None),
)
