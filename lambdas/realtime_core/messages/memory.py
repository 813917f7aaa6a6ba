"""The in-memory adapter of the messages table."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from realtime_core.errors import NotFound, StoreUnavailable
from realtime_core.in_memory import InMemoryAdapter
from realtime_core.lifetimes import REPEAT_LIFETIME_SECONDS
from realtime_core.messages.base import (
    STATUS_ORDER,
    Acknowledgement,
    Message,
    MessageStatus,
    NotAllStored,
    counted_until,
    entry_expires_at,
    is_same_request,
    refuse_reused_request_id,
)
from realtime_core.started_call import StartedCall
from realtime_core.wire.strict_json import dumps, loads


class MemoryMessages(InMemoryAdapter):
    """`Messages` in memory. `entries` has every inbox entry, by recipient and message id.

    Nothing can be stored for the recipients in `failing`.
    """

    def __init__(self, retention_days: int = 30) -> None:
        self._retention_days = retention_days
        self._lock = threading.Lock()
        self.entries: dict[tuple[str, str], Message] = {}
        self.failing: set[str] = set()
        self._requests: dict[tuple[str, str], Message] = {}

    def put(self, message: Message, request_id: str | None) -> Message:
        """Store a message, or return the one that the same request or message id has stored."""
        self._reach()
        if message.recipient_id in self.failing:
            raise StoreUnavailable(f"the inbox of {message.recipient_id} is failing")
        # As in the table: a copy of the content, which must be JSON.
        message = message._replace(content=loads(dumps(message.content)))
        with self._lock:
            if request_id is not None:
                known = self._requests.get((message.sender_id, request_id))
                if known is not None and known.created_at + REPEAT_LIFETIME_SECONDS > message.created_at:
                    if not is_same_request(known, message):
                        refuse_reused_request_id()
                    return known
            key = (message.recipient_id, message.message_id)
            if key in self.entries:
                return self.entries[key]
            self.entries[key] = message
            if request_id is not None:
                self._requests[message.sender_id, request_id] = message
            return message

    def put_all(self, messages: Sequence[Message]) -> None:
        """Store notifications; a stored `message_id` is skipped. Raises NotAllStored."""
        self._reach()
        missing = []
        for message in messages:
            try:
                self.put(message, None)
            except StoreUnavailable:
                missing.append(message.recipient_id)
        if missing:
            raise NotAllStored(missing)

    def get(self, user_id: str, message_id: str, now: int) -> Message | None:
        """An entry of a user's inbox, or None if there is none or it has expired."""
        self._reach()
        with self._lock:
            message = self.entries.get((user_id, message_id))
        return None if message is None or self._expired(message, now) else message

    def acknowledge(self, user_id: str, message_id: str, status: Acknowledgement, now: int) -> Message:
        """Advance the status, never move it back; the message after it. Raises NotFound."""
        self._reach()
        with self._lock:
            message = self.entries.get((user_id, message_id))
            if message is None or self._expired(message, now):
                raise NotFound(f"There is no message {message_id} in this inbox")
            if STATUS_ORDER[message.status] < STATUS_ORDER[status]:
                if status == "read":
                    message = message._replace(status=status, read_at=now)
                else:
                    message = message._replace(status=status, delivered_at=now)
                self.entries[user_id, message_id] = message
            return message

    def inbox(
        self, user_id: str, after: str | None, limit: int, status: MessageStatus | None, now: int
    ) -> tuple[list[Message], str | None]:
        """Up to `limit` entries after the message id `after`, oldest first, and the id to continue after."""
        self._reach()
        with self._lock:
            messages = sorted(
                (
                    message
                    for (recipient, message_id), message in self.entries.items()
                    if recipient == user_id
                    and (after is None or message_id > after)
                    and status in {None, message.status}
                    and not self._expired(message, now)
                ),
                key=lambda message: message.message_id,
            )
        return messages[:limit], messages[limit - 1].message_id if len(messages) > limit else None

    def unread(self, user_id: str, now: int) -> int:
        """How many entries are unread; those that expired today count still."""
        self._reach()
        with self._lock:
            return sum(
                message.recipient_id == user_id
                and message.status != "read"
                and counted_until(entry_expires_at(message, self._retention_days)) > now
                for message in self.entries.values()
            )

    def start_unread(self, user_id: str, now: int) -> StartedCall[int]:
        """`unread`, once its result is asked for."""
        return StartedCall(lambda: self.unread(user_id, now))

    def _expired(self, message: Message, now: int) -> bool:
        return entry_expires_at(message, self._retention_days) <= now
