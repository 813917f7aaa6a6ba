"""Messages: the entries of an inbox, the order of their statuses, and the port of the inboxes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from realtime_core.lifetimes import DAY_SECONDS

if TYPE_CHECKING:
    pass


MessageStatus = Literal["sent", "delivered", "read"]

Acknowledgement = Literal["delivered", "read"]

MessageKind = Literal["message", "notification"]


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


STATUS_ORDER: dict[MessageStatus, int] = {"sent": 0, "delivered": 1, "read": 2}


def entry_expires_at(message: Message, retention_days: int) -> int:
    """When an inbox entry is gone."""
    return message.created_at + retention_days * DAY_SECONDS


class Messages(Protocol):
    """Inboxes: what was said to whom, and what became of it."""

    def put(self, message: Message, request_id: str | None) -> Message:
        """Store a message (one write: a transaction with its unread count and repeat record).

        The same `sender_id` and `request_id` within 24 h stores nothing and returns what was stored the
        first time, under concurrency too.
        """

    def put_all(self, messages: Sequence[Message]) -> None:
        """Store notifications for many recipients, each as `put` does; a repeat of a `message_id` is one."""

    def acknowledge(self, user_id: str, message_id: str, status: Acknowledgement, now: int) -> Message:
        """Move the status forward, never back (one write); the message after it. Raises NotFound."""

    def inbox(
        self, user_id: str, after: str | None, limit: int, status: MessageStatus | None, now: int
    ) -> tuple[list[Message], str | None]:
        """Up to `limit` entries above `after` (a message id), oldest first, and where to go on, or None."""

    def unread(self, user_id: str) -> int:
        """How many entries are not read yet (one read, whatever the number)."""
