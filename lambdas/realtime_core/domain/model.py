"""The values that the rules speak about. Times are whole epoch seconds unless a name says otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

# Outside limit: API Gateway cuts every WebSocket connection after two hours.
CONNECTION_LIFETIME_SECONDS = 2 * 60 * 60

MessageStatus = Literal["sent", "delivered", "read"]
Acknowledgement = Literal["delivered", "read"]
MessageKind = Literal["message", "notification"]
# Which pushes go first when the request budget is short.
Priority = Literal["message", "notification", "deal"]


@dataclass(frozen=True, slots=True)
class Subscription:
    """What one connection wants of one topic, and where its membership is stored."""

    topic: str
    filter: str
    """The canonical JSON of the filter."""
    group_id: str
    shard: int


@dataclass(frozen=True, slots=True)
class Connection:
    """The record of one open WebSocket connection."""

    connection_id: str
    user_id: str
    connected_at: int
    token_exp: int
    subscriptions: Mapping[str, Subscription] = field(default_factory=dict)
    """By topic."""
    issued_at: int = 0
    """`iat` of the token that the connection lives by; 0, before everything, where that is not known."""
    token_id: str | None = None
    """Its `jti`, where it has one."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """A connection that something may be posted to, until `token_exp`."""

    connection_id: str
    token_exp: int


@dataclass(frozen=True, slots=True)
class Group:
    """All the subscriptions to one topic that mean the same."""

    group_id: str
    topic: str
    filter: str
    shards: int = 1
    """Over how many partitions the members are spread; only ever grows."""


@dataclass(frozen=True, slots=True)
class Message:
    """One entry of a user's inbox: a message of another user, or a notification of a backend."""

    message_id: str
    """Sorts by time: see `ids.new_message_id`."""
    recipient_id: str
    sender_id: str
    kind: MessageKind
    type: str
    content: Any
    """A string for a message; the notification's object for a notification."""
    created_at: int
    status: MessageStatus = "sent"
    delivered_at: int | None = None
    read_at: int | None = None


@dataclass(frozen=True, slots=True)
class DeliveryJob:
    """One payload for many connections: what `broadcast` queues and `delivery` posts."""

    payload: str
    """The frame, ready to post."""
    connection_ids: tuple[str, ...]
    priority: Priority
    event_id: str
    published_at_ms: int
    """When the publisher's call was accepted, epoch milliseconds; for the latency metric."""
    attempt: int = 1
    position: int | None = None
    """Of an event of a topic: what has landed is reported by it."""
    chunk: int = 0
    """Which of the event's chunks this is."""


@dataclass(frozen=True, slots=True)
class PostReport:
    """What became of a payload, by connection id; every id that was asked for is in exactly one place."""

    delivered: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    """410: the connection no longer exists; its record is to be removed."""
    unsent: tuple[str, ...] = ()
    """Throttled, a server fault, a broken connection or out of time: worth another attempt."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """413, 403 and the like, with the reason: another attempt would fail alike."""
    answers_lost: int = field(default=0, compare=False)
    """Attempts that may have arrived, but whose answer did not: these were, or will be, made again."""
    throttled: int = field(default=0, compare=False)
    """Attempts that were answered 429."""


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """Which connections are there; every id that was asked for is in exactly one place."""

    alive: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    """410: the connection no longer exists; its record is to be removed."""
    unknown: tuple[str, ...] = ()
    """Throttled, out of time or refused: ask again later."""
