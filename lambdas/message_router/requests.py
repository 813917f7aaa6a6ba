"""The actions that a client may request: a class for each, and the table by which requests are parsed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, NoReturn

from message_router.look_back import RECENT_MAX
from realtime_core.connections.base import PRESENCE_USERS_MAX
from realtime_core.errors import Problem
from realtime_core.filters.filters import Filter, parse_filter
from realtime_core.messages.base import Acknowledgement, MessageStatus
from realtime_core.wire.fields import (
    IDENTIFIER,
    Field,
    identifier,
    one_of,
    read_fields,
    reject,
    reject_if_any,
    shorten,
    text,
    whole_number,
)
from realtime_core.wire.frames import MESSAGE_BYTES_MAX, Request, content_fits
from realtime_core.wire.topics import ALL_DEALS, read_topic

MESSAGE_TYPE_CHARS_MAX = 64
# Outside limit: API Gateway takes no longer header. A longer token is refused before it is decoded.
TOKEN_CHARS_MAX = 8 * 1024


class Ping(NamedTuple):
    """Heartbeat."""


class SubscribeToDeals(NamedTuple):
    """Add or replace the subscription to a topic.

    `since` requests the events after that position, `recent` up to so many of the newest.
    """

    topic: str
    filter: Filter
    since: int | None = None
    recent: int | None = None


class GetEvents(NamedTuple):
    """Read the events of a topic after the position `since`, or up to `recent` of the newest."""

    topic: str
    filter: Filter
    since: int | None = None
    recent: int | None = None


class UnsubscribeFromDeals(NamedTuple):
    """Remove the subscription to a topic."""

    topic: str


class SendMessage(NamedTuple):
    """Send a message to another user."""

    recipient_id: str
    content: str
    type: str


class GetMessages(NamedTuple):
    """Read a page of the caller's inbox: up to `limit` entries after the message id `after`."""

    after: str | None
    limit: int
    status: MessageStatus | None


class NotificationAck(NamedTuple):
    """Acknowledge an entry of the caller's inbox as delivered or read."""

    message_id: str
    type: Acknowledgement


class GetStatus(NamedTuple):
    """Read the state of the caller's connection and of the service."""


class GetPresence(NamedTuple):
    """Ask which users have a connection; each is named once."""

    users: tuple[str, ...]


class RefreshToken(NamedTuple):
    """Extend the connection to the expiry of a newer token of the same user."""

    token: str


Action = (
    Ping
    | SubscribeToDeals
    | GetEvents
    | UnsubscribeFromDeals
    | SendMessage
    | GetMessages
    | NotificationAck
    | GetStatus
    | GetPresence
    | RefreshToken
)


class ActionSpec(NamedTuple):
    """How an action is parsed: its fields, in the order in which `make` takes their values.

    `check` raises ValidationFailed for values that are good alone and not together.
    """

    make: Callable[..., Action]
    fields: tuple[Field, ...] = ()
    check: Callable[[Any], None] | None = None


def _content(raw: Any, path: str) -> str:
    content: str = text()(raw, path)
    if not content_fits(content):
        reject(
            path, f"is too large: with what the recipient's frame adds it passes {MESSAGE_BYTES_MAX} bytes"
        )
    return content


def _users(raw: Any, path: str) -> tuple[str, ...]:
    if not isinstance(raw, list) or not 1 <= len(raw) <= PRESENCE_USERS_MAX:
        reject(path, f"must be a list of 1 to {PRESENCE_USERS_MAX} user ids")
    reject_if_any(
        Problem(f"{path}[{index}]", "must be a user id: 1 to 128 characters of A-Z a-z 0-9 . _ : @ | -")
        for index, user_id in enumerate(raw)
        if not (isinstance(user_id, str) and IDENTIFIER.fullmatch(user_id))
    )
    return tuple(dict.fromkeys(raw))


def _check_get_events(action: GetEvents) -> None:
    if action.since is None and action.recent is None:
        reject("data.since", "is missing; name the position to read from, or recent for the newest events")
    if action.since is not None and action.recent is not None:
        reject("data.recent", "cannot be combined with since; read the one, then the other")


_TOPIC = Field("topic", read_topic, ALL_DEALS)
_EVENTS_FIELDS = (
    _TOPIC,
    Field("filters", parse_filter, parse_filter({})),
    Field("since", whole_number(0), None),
    Field("recent", whole_number(1, RECENT_MAX), None),
)

ACTIONS: Mapping[str, ActionSpec] = MappingProxyType(
    {
        "ping": ActionSpec(Ping),
        "subscribeToDeals": ActionSpec(SubscribeToDeals, _EVENTS_FIELDS),
        "getEvents": ActionSpec(GetEvents, _EVENTS_FIELDS, _check_get_events),
        "unsubscribeFromDeals": ActionSpec(UnsubscribeFromDeals, (_TOPIC,)),
        "sendMessage": ActionSpec(
            SendMessage,
            (
                Field("recipientId", identifier),
                Field("content", _content),
                Field("type", text(MESSAGE_TYPE_CHARS_MAX), "text"),
            ),
        ),
        "getMessages": ActionSpec(
            GetMessages,
            (
                Field("after", identifier, None),
                Field("limit", whole_number(1, 100), 50),
                Field("status", one_of("sent", "delivered", "read"), None),
            ),
        ),
        "notificationAck": ActionSpec(
            NotificationAck,
            (Field("messageId", identifier), Field("type", one_of("delivered", "read"), "read")),
        ),
        "getStatus": ActionSpec(GetStatus),
        "getPresence": ActionSpec(GetPresence, (Field("users", _users),)),
        "refreshToken": ActionSpec(RefreshToken, (Field("token", text(TOKEN_CHARS_MAX)),)),
    }
)
"""Every action by its name on the wire."""


def refuse_unknown(request: Request) -> NoReturn:
    """Raise ValidationFailed for an action that is not known."""
    reject("action", f'"{shorten(request.action)}" is not known; known are {", ".join(ACTIONS)}')


def parse_action(request: Request) -> Action:
    """Parse the requested action. Raises ValidationFailed with every problem, by path (`data.topic`)."""
    if (spec := ACTIONS.get(request.action)) is None:
        refuse_unknown(request)
    action = spec.make(*read_fields(request.data, spec.fields, "data."))
    if spec.check is not None:
        spec.check(action)
    return action
