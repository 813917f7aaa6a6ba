"""Messages: inbox entries, the order of their statuses, and the port of the inboxes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Literal, NamedTuple, NoReturn, Protocol

from realtime_core.errors import Problem, StoreUnavailable, ValidationFailed
from realtime_core.lifetimes import DAY_SECONDS
from realtime_core.started_call import StartedCall

MessageStatus = Literal["sent", "delivered", "read"]
Acknowledgement = Literal["delivered", "read"]
MessageKind = Literal["message", "notification"]


class Message(NamedTuple):
    """An entry of a user's inbox: a message from another user, or a notification from a backend."""

    message_id: str
    """Sorts by time: see `ids.new_message_id`."""
    recipient_id: str
    sender_id: str
    kind: MessageKind
    type: str
    content: Any
    """A string for a message, an object for a notification."""
    created_at: int
    status: MessageStatus = "sent"
    delivered_at: int | None = None
    read_at: int | None = None
    expires_at: int | None = None
    """The last second in which it is news, epoch seconds; None for as long as messages are kept."""


STATUS_ORDER: dict[MessageStatus, int] = {"sent": 0, "delivered": 1, "read": 2}


def entry_expires_at(message: Message, retention_days: int) -> int:
    """When an inbox entry expires: with its event, if that has an end."""
    kept = message.created_at + retention_days * DAY_SECONDS
    return kept if message.expires_at is None else min(kept, message.expires_at + 1)


def counted_until(expires_at: int) -> int:
    """When an entry that expires unread leaves the unread count: at the end of that day, in UTC."""
    return (expires_at // DAY_SECONDS + 1) * DAY_SECONDS


def is_same_request(first: Message, repeat: Message) -> bool:
    """Whether a request with the id of an earlier one asks for the same: recipient, type and content."""
    return (first.recipient_id, first.type, first.content) == (
        repeat.recipient_id,
        repeat.type,
        repeat.content,
    )


def refuse_reused_request_id() -> NoReturn:
    """Raise ValidationFailed for a request id that belongs to another message."""
    problem = (
        "was used for another message within 24 hours; each message needs an id of its own, such as a UUID"
    )
    raise ValidationFailed([Problem("requestId", problem)])


class NotAllStored(StoreUnavailable):
    """Some of the messages of `put_all` could not be stored; the others are."""

    def __init__(self, recipient_ids: Collection[str]) -> None:
        super().__init__(f"{len(recipient_ids)} messages could not be stored")
        self.recipient_ids = frozenset(recipient_ids)
        """The recipients who are without one."""


class Messages(Protocol):
    """The users' inboxes."""

    def put(self, message: Message, request_id: str | None) -> Message:
        """Store a message (one write: a transaction with its unread count and repeat record).

        A repeat of `sender_id` and `request_id` within 24 h stores nothing and returns the first message,
        even if both run at once. Raises ValidationFailed if its recipient, type or content are others than
        the first one's.
        """

    def put_all(self, messages: Sequence[Message]) -> None:
        """Store notifications for many recipients, as `put` does; a stored `message_id` is skipped.

        Raises NotAllStored where some could not be stored; the others are.
        """

    def get(self, user_id: str, message_id: str, now: int) -> Message | None:
        """An entry of a user's inbox (one read), or None if there is none or it has expired."""

    def acknowledge(self, user_id: str, message_id: str, status: Acknowledgement, now: int) -> Message:
        """Advance the status, never move it back (one write); the message after it. Raises NotFound."""

    def inbox(
        self, user_id: str, after: str | None, limit: int, status: MessageStatus | None, now: int
    ) -> tuple[list[Message], str | None]:
        """Up to `limit` entries after the message id `after`, oldest first, and the id to continue after.

        The id is None at the end of the inbox.
        """

    def unread(self, user_id: str, now: int) -> int:
        """How many entries are unread (one read, whatever the number); see `counted_until`."""

    def start_unread(self, user_id: str, now: int) -> StartedCall[int]:
        """Start `unread`: the caller waits for it together with other calls."""
