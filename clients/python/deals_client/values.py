"""What the client hands to the application: values that do not change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

State: TypeAlias = Literal["idle", "connecting", "connected", "waiting", "stopped", "closed"]
WaitReason: TypeAlias = Literal["network", "refused", "throttled", "closed"]
StopReason: TypeAlias = Literal["notAuthorized", "configuration"]
SubscriptionState: TypeAlias = Literal["pending", "catchingUp", "live", "ended"]
Source: TypeAlias = Literal["recent", "replay", "live"]
GapReason: TypeAlias = Literal["history", "tooFar"]
TokenReason: TypeAlias = Literal["connect", "refused", "expiring"]
MessageState: TypeAlias = Literal["sent", "delivered", "read"]
Filters: TypeAlias = Mapping[str, Any]
Cancel: TypeAlias = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Event:
    """A deal, or whatever was published to a topic."""

    type: str
    topic: str
    event_id: str
    position: int
    """Its place in the order of all topics' events."""
    timestamp: int
    """Epoch seconds."""
    data: Any
    source: Source
    """Whether it came live, by a replay after a reconnect, or for the first picture."""
    late: bool = False
    """With `order="position"`: it came after an event of a higher position was handed out."""
    filters: Mapping[str, Any] | None = None
    """What the publisher gave to match by."""
    expires_at: int | None = None
    """Epoch seconds from which it is neither pushed nor replayed."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Events that the client cannot bring: those after `since` up to `until`."""

    since: int
    until: int
    reason: GapReason
    """`history`: it no longer reaches back so far; `tooFar`: more than `max_replay` events were missed."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A subscription is live for the first time."""

    position: int
    recovered: bool
    """Whether nothing is missing since the position that it resumed from."""


@dataclass(frozen=True, slots=True)
class StateChange:
    """The client's new state, the one before, and why."""

    state: State
    previous: State
    reason: WaitReason | StopReason | None = None
    retry_in: float | None = None
    """Seconds until the next attempt, in `waiting`."""


@dataclass(frozen=True, slots=True)
class SubscriptionChange:
    """A subscription's new state, and why it ended."""

    state: SubscriptionState
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class ClientWarning:
    """What is nobody's call: an unknown frame, a handler that raised, a refused handshake."""

    code: str
    message: str
    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """A message of another user, as it was pushed or is in the inbox."""

    message_id: str
    sender_id: str
    content: str
    type: str
    timestamp: int


@dataclass(frozen=True, slots=True)
class Notification:
    """A notification of a backend, as it was pushed or is in the inbox."""

    message_id: str
    data: Mapping[str, Any]
    """`title`, `message`, and what else the backend gave."""
    timestamp: int


@dataclass(frozen=True, slots=True)
class MessageStatus:
    """A recipient has received or read a message that this user sent."""

    message_id: str
    recipient_id: str
    type: str
    timestamp: int


@dataclass(frozen=True, slots=True)
class InboxEntry:
    """A stored message (`content` is a text) or notification (`content` is an object)."""

    message_id: str
    kind: str
    sender_id: str | None
    type: str
    content: Any
    timestamp: int
    status: str
    delivered_at: int | None = None
    read_at: int | None = None


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message that the service has stored."""

    message_id: str
    recipient_id: str
    timestamp: int


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The status that is recorded on an entry of the inbox."""

    message_id: str
    type: str
    timestamp: int


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """What a server says that a client may use. A first release says nothing: no features."""

    features: frozenset[str] = frozenset()
    frame_bytes_max: int | None = None
    heartbeat_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """What the service knows of this connection."""

    connection_id: str
    user_id: str
    connected_since: int
    token_expires_at: int
    subscriptions: Mapping[str, Filters]
    """The filters of each topic."""
    unread: int | None
    system_status: str
    server: ServerInfo
