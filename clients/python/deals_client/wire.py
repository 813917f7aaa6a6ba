"""What is on the wire, from docs/asyncapi.yaml: `make reference` writes it, code is the source."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict

Action: TypeAlias = Literal[
    "ping",
    "subscribeToDeals",
    "getEvents",
    "unsubscribeFromDeals",
    "sendMessage",
    "getMessages",
    "notificationAck",
    "getStatus",
    "getPresence",
    "refreshToken",
]


class Batch(TypedDict):
    """Several pushes that were due together, each as if it had arrived alone."""

    frames: list[dict[str, Any]]


class Closing(TypedDict):
    """The last frame before the server closes the connection."""

    reason: Literal["expired", "revoked", "blocked", "kicked", "replaced", "handover"]
    reconnect: bool
    retryAfterMs: NotRequired[int]


class Empty(TypedDict):
    """Nothing."""


class Error(TypedDict):
    """A request failed; `details` lists `{field, problem}` of a VALIDATION_ERROR, else names the cause."""

    code: Literal[
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
    message: str
    details: NotRequired[Any]


class EventFrame(TypedDict):
    """An event: any frame with a position, whatever its type."""

    type: str
    data: Any
    topic: str
    eventId: str
    position: int
    filters: NotRequired[dict[str, Any]]
    expiresAt: NotRequired[int]
    timestamp: int


class Events(TypedDict):
    """A page of the history, in order."""

    topic: str
    events: list[EventFrame]
    position: int
    recovered: bool
    more: NotRequired[Literal[True]]


class InboxEntry(TypedDict):
    """A stored message or notification."""

    messageId: str
    kind: Literal["message", "notification"]
    senderId: NotRequired[str]
    type: str
    content: Any
    timestamp: int
    status: Literal["sent", "delivered", "read"]
    deliveredAt: NotRequired[int]
    readAt: NotRequired[int]


class MessageReceived(TypedDict):
    """Another user has sent a message."""

    messageId: str
    senderId: str
    content: str
    type: str
    timestamp: int


class MessageSent(TypedDict):
    """The message is stored, and pushed or queued to be."""

    messageId: str
    recipientId: str
    timestamp: int


class MessageStatus(TypedDict):
    """A recipient has received or read a message of the user."""

    messageId: str
    recipientId: str
    type: Literal["delivered", "read"]
    timestamp: int


class Messages(TypedDict):
    """A page of the inbox, oldest first; `next` pages on, `cursor` is where to begin the next time."""

    messages: list[InboxEntry]
    next: NotRequired[str]
    cursor: NotRequired[str]


class Notification(TypedDict):
    """A backend notifies the user; further members are the backend's own."""

    messageId: str


class NotificationAcked(TypedDict):
    """The status is recorded."""

    messageId: str
    type: Literal["delivered", "read"]
    timestamp: int


class Online(TypedDict):
    """Whether a user has a connection."""

    online: bool


class Presence(TypedDict):
    """Who has a connection now, by user id."""

    users: dict[str, Online]


class Reconnect(TypedDict):
    """The two-hour limit is near: open a new connection within `graceSeconds`, then close this one."""

    reason: str
    graceSeconds: int


class Server(TypedDict):
    """What a client may use of the server."""

    protocol: int
    time: int
    heartbeatSeconds: int
    frameBytesMax: int
    features: list[str]


class StatusUpdate(TypedDict):
    """What the service knows of the connection; `unread` is null where it could not be counted."""

    connectionId: str
    userId: str
    connectedSince: int
    tokenExpiresAt: int
    subscriptions: list[Subscribed]
    unread: int | None
    systemStatus: Literal["operational", "degraded"]
    server: NotRequired[Server]


class Subscribed(TypedDict):
    """A subscription of the connection."""

    topic: str
    filters: dict[str, Any]


class SubscriptionConfirmed(TypedDict):
    """The subscription is in force; with `since` or `recent`, the first events."""

    topic: str
    filters: dict[str, Any]
    position: int
    recovered: NotRequired[bool]
    events: NotRequired[list[EventFrame]]
    more: NotRequired[Literal[True]]


class SubscriptionEnded(TypedDict):
    """A subscription has ended without the client's asking."""

    topic: str
    reason: Literal["permissions", "operator"]


class TokenExpiring(TypedDict):
    """The token ends within a minute or so: refresh it."""

    expiresAt: int


class TokenRefreshed(TypedDict):
    """The connection lives until then."""

    expiresAt: int


class UnsubscriptionConfirmed(TypedDict):
    """The subscription is gone."""

    topic: str


class PingData(TypedDict):
    """What a `ping` holds."""


class SubscribeToDealsData(TypedDict):
    """What a `subscribeToDeals` holds."""

    topic: NotRequired[str]
    filters: NotRequired[dict[str, Any]]
    since: NotRequired[int]
    recent: NotRequired[int]


class GetEventsData(TypedDict):
    """What a `getEvents` holds."""

    topic: NotRequired[str]
    filters: NotRequired[dict[str, Any]]
    since: NotRequired[int]
    recent: NotRequired[int]


class UnsubscribeFromDealsData(TypedDict):
    """What a `unsubscribeFromDeals` holds."""

    topic: NotRequired[str]


class SendMessageData(TypedDict):
    """What a `sendMessage` holds."""

    recipientId: str
    content: str
    type: NotRequired[str]


class GetMessagesData(TypedDict):
    """What a `getMessages` holds."""

    after: NotRequired[str]
    limit: NotRequired[int]
    status: NotRequired[Literal["sent", "delivered", "read"]]


class NotificationAckData(TypedDict):
    """What a `notificationAck` holds."""

    messageId: str
    type: NotRequired[Literal["delivered", "read"]]


class GetStatusData(TypedDict):
    """What a `getStatus` holds."""


class GetPresenceData(TypedDict):
    """What a `getPresence` holds."""

    users: list[str]


class RefreshTokenData(TypedDict):
    """What a `refreshToken` holds."""

    token: str
