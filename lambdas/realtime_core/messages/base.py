"""Messages: inbox entries, the order of their statuses, and the port of the inboxes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, Protocol

from realtime_core.lifetimes import DAY_SECONDS

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


STATUS_ORDER: dict[MessageStatus, int] = {"sent": 0, "delivered": 1, "read": 2}


def entry_expires_at(message: Message, retention_days: int) -> int:
    """When an inbox entry expires."""
    return message.created_at + retention_days * DAY_SECONDS


class Messages(Protocol):
    """The users' inboxes."""

    def put(self, message: Message, request_id: str | None) -> Message:
        """Store a message (one write: a transaction with its unread count and repeat record).

        A repeat of `sender_id` and `request_id` within 24 h stores nothing and returns the first message,
        even if both run at once.
        """

    def put_all(self, messages: Sequence[Message]) -> None:
        """Store notifications for many recipients, as `put` does; a stored `message_id` is skipped."""

    def acknowledge(self, user_id: str, message_id: str, status: Acknowledgement, now: int) -> Message:
        """Advance the status, never move it back (one write); the message after it. Raises NotFound."""

    def inbox(
        self, user_id: str, after: str | None, limit: int, status: MessageStatus | None, now: int
    ) -> tuple[list[Message], str | None]:
        """Up to `limit` entries after the message id `after`, oldest first, and the id to continue after.

        The id is None at the end of the inbox.
        """

    def unread(self, user_id: str) -> int:
        """How many entries are unread (one read, whatever the number)."""
