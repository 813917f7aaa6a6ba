"""The values that the rules speak about. Times are whole epoch seconds unless a name says otherwise.

Named tuples, here and in whatever a cold start loads: docs/adr/0009-cold-starts-load-no-dataclasses.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

_NONE: Mapping[str, Any] = MappingProxyType({})

MessageStatus = Literal["sent", "delivered", "read"]
Acknowledgement = Literal["delivered", "read"]
MessageKind = Literal["message", "notification"]
# Which pushes go first when the request budget is short.
Priority = Literal["message", "notification", "deal"]


class Subscription(NamedTuple):
    """What one connection wants of one topic, and where its membership is stored."""

    topic: str
    filter: str
    """The canonical JSON of the filter."""
    group_id: str
    shard: int


class Connection(NamedTuple):
    """The record of one open WebSocket connection."""

    connection_id: str
    user_id: str
    connected_at: int
    token_exp: int
    subscriptions: Mapping[str, Subscription] = _NONE
    """By topic."""
    issued_at: int = 0
    """`iat` of the token that the connection lives by; 0, before everything, where that is not known."""
    token_id: str | None = None
    """Its `jti`, where it has one."""


class Recipient(NamedTuple):
    """A connection that something may be posted to, until `token_exp`."""

    connection_id: str
    token_exp: int


class Group(NamedTuple):
    """All the subscriptions to one topic that mean the same."""

    group_id: str
    topic: str
    filter: str
    shards: int = 1
    """Over how many partitions the members are spread; only ever grows."""


class Message(NamedTuple):
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


class DeliveryJob(NamedTuple):
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
    correlation_id: str = ""
    """Of the request or event that it comes from, for the logs."""


class PostReport(NamedTuple):
    """What became of a payload, by connection id; every id that was asked for is in exactly one place."""

    delivered: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    """410: the connection no longer exists; its record is to be removed."""
    unsent: tuple[str, ...] = ()
    """Throttled, a server fault, a broken connection or out of time: worth another attempt."""
    refused: Mapping[str, str] = _NONE
    """413, 403 and the like, with the reason: another attempt would fail alike."""
    answers_lost: int = 0
    """Attempts that may have arrived, but whose answer did not: these were, or will be, made again."""
    throttled: int = 0
    """Attempts that were answered 429."""


class ProbeReport(NamedTuple):
    """Which connections are there; every id that was asked for is in exactly one place."""

    alive: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    """410: the connection no longer exists; its record is to be removed."""
    unknown: tuple[str, ...] = ()
    """Throttled, out of time or refused: ask again later."""
