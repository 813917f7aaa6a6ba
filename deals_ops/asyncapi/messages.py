"""The frames of the wire as types: what each reply and push holds. The wire protocol's page is the source.

`deals_ops.asyncapi.document` makes docs/asyncapi.yaml of them. What requests hold comes from the router's own
table of actions. Values have their JSON types; a dictionary in `Annotated` adds keywords of JSON Schema.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired, TypedDict

from realtime_core.wire.closing import ClosingReason

Id = Annotated[str, {"minLength": 1, "maxLength": 128}]
Topic = Annotated[str, {"pattern": r"^[a-z0-9-]+(\.[a-z0-9-]+)*$", "maxLength": 64}]
Seconds = Annotated[int, {"description": "Epoch seconds", "minimum": 0}]
Position = Annotated[int, {"description": "Rises through the whole deployment", "minimum": 0}]
Filters = Annotated[
    dict[str, Any], {"description": "Attribute to condition; all must hold. At most 20 conditions, 4 KB"}
]
Acknowledged = Literal["delivered", "read"]
ErrorCode = Literal[
    "VALIDATION_ERROR",
    "AUTHENTICATION_ERROR",
    "FORBIDDEN",
    "CONNECTION_ERROR",
    "SUBSCRIPTION_ERROR",
    "MESSAGE_ERROR",
    "NOT_FOUND",
    "RATE_LIMITED",
    "INTERNAL_ERROR",
]


class EventFrame(TypedDict):
    """An event: any frame with a position, whatever its type."""

    type: Annotated[str, {"pattern": "^[A-Za-z][A-Za-z0-9_.-]{0,63}$"}]
    data: Any
    topic: Topic
    eventId: Id
    position: Position
    filters: NotRequired[dict[str, Any]]
    expiresAt: NotRequired[Seconds]
    timestamp: Seconds


class Empty(TypedDict):
    """Nothing."""


class SubscriptionConfirmed(TypedDict):
    """The subscription is in force; with `since` or `recent`, the first events."""

    topic: Topic
    filters: Filters
    position: Position
    recovered: NotRequired[bool]
    events: NotRequired[list[EventFrame]]
    more: NotRequired[Literal[True]]


class Events(TypedDict):
    """A page of the history, in order."""

    topic: Topic
    events: list[EventFrame]
    position: Position
    recovered: bool
    more: NotRequired[Literal[True]]


class UnsubscriptionConfirmed(TypedDict):
    """The subscription is gone."""

    topic: Topic


class MessageSent(TypedDict):
    """The message is stored, and pushed or queued to be."""

    messageId: Id
    recipientId: Id
    timestamp: Seconds


class InboxEntry(TypedDict):
    """A stored message or notification."""

    messageId: Id
    kind: Literal["message", "notification"]
    senderId: NotRequired[Id]
    type: str
    content: Any
    timestamp: Seconds
    status: Literal["sent", "delivered", "read"]
    deliveredAt: NotRequired[Seconds]
    readAt: NotRequired[Seconds]


class Messages(TypedDict):
    """A page of the inbox, oldest first; `next` pages on, `cursor` is where to begin the next time."""

    messages: list[InboxEntry]
    next: NotRequired[Id]
    cursor: NotRequired[Id]


class NotificationAcked(TypedDict):
    """The status is recorded."""

    messageId: Id
    type: Acknowledged
    timestamp: Seconds


class Subscribed(TypedDict):
    """A subscription of the connection."""

    topic: Topic
    filters: Filters


class Server(TypedDict):
    """What a client may use of the server."""

    protocol: int
    time: Seconds
    heartbeatSeconds: int
    frameBytesMax: int
    features: list[str]


class StatusUpdate(TypedDict):
    """What the service knows of the connection; `unread` is null where it could not be counted."""

    connectionId: Id
    userId: Id
    connectedSince: Seconds
    tokenExpiresAt: Seconds
    subscriptions: list[Subscribed]
    unread: int | None
    systemStatus: Literal["operational", "degraded"]
    server: NotRequired[Server]


class Online(TypedDict):
    """Whether a user has a connection."""

    online: bool


class Presence(TypedDict):
    """Who has a connection now, by user id."""

    users: dict[str, Online]


class TokenRefreshed(TypedDict):
    """The connection lives until then."""

    expiresAt: Seconds


class Error(TypedDict):
    """A request failed; `details` lists `{field, problem}` of a VALIDATION_ERROR, else names the cause."""

    code: ErrorCode
    message: str
    details: NotRequired[Any]


class MessageReceived(TypedDict):
    """Another user has sent a message."""

    messageId: Id
    senderId: Id
    content: str
    type: str
    timestamp: Seconds


class Notification(TypedDict):
    """A backend notifies the user; further members are the backend's own."""

    messageId: Id


class MessageStatus(TypedDict):
    """A recipient has received or read a message of the user."""

    messageId: Id
    recipientId: Id
    type: Acknowledged
    timestamp: Seconds


class TokenExpiring(TypedDict):
    """The token ends within a minute or so: refresh it."""

    expiresAt: Seconds


class Reconnect(TypedDict):
    """The two-hour limit is near: open a new connection within `graceSeconds`, then close this one."""

    reason: str
    graceSeconds: int


class SubscriptionEnded(TypedDict):
    """A subscription has ended without the client's asking."""

    topic: Topic
    reason: Literal["permissions", "operator"]


class Closing(TypedDict):
    """The last frame before the server closes the connection."""

    reason: ClosingReason
    reconnect: bool
    retryAfterMs: NotRequired[int]


class Batch(TypedDict):
    """Several pushes that were due together, each as if it had arrived alone."""

    frames: list[dict[str, Any]]


REPLIES: dict[str, tuple[str, type]] = {
    "ping": ("pong", Empty),
    "subscribeToDeals": ("subscriptionConfirmed", SubscriptionConfirmed),
    "getEvents": ("events", Events),
    "unsubscribeFromDeals": ("unsubscriptionConfirmed", UnsubscriptionConfirmed),
    "sendMessage": ("messageSent", MessageSent),
    "getMessages": ("messages", Messages),
    "notificationAck": ("notificationAcked", NotificationAcked),
    "getStatus": ("statusUpdate", StatusUpdate),
    "getPresence": ("presence", Presence),
    "refreshToken": ("tokenRefreshed", TokenRefreshed),
}
"""The type and the data of the reply to each action."""

PUSHES: dict[str, type] = {
    "messageReceived": MessageReceived,
    "notification": Notification,
    "messageStatus": MessageStatus,
    "tokenExpiring": TokenExpiring,
    "reconnect": Reconnect,
    "subscriptionEnded": SubscriptionEnded,
    "closing": Closing,
    "batch": Batch,
}
"""The data of each push that is no event. Their frames may have more members than the types say."""
