"""Messages and notifications: pushed ones, each once, and those that came while away (rule 20)."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from deals_client import wire
from deals_client.clock import Clock
from deals_client.emitter import Emitter
from deals_client.frames import Frame
from deals_client.json_values import as_object
from deals_client.seen import SeenIds
from deals_client.values import InboxEntry, Message, MessageState, MessageStatus, Notification

OVERTAKING_SECONDS = 60.0
"""Ids of two messages at once may be stored in the other order."""
PAGE_ENTRIES = 100
_SEEN = 2_000

Ask = Callable[[wire.Action, Mapping[str, Any]], Awaitable[Frame]]


class Inbox:
    """The inbox of the client's user."""

    def __init__(self, ask: Ask, clock: Clock, emitter: Emitter) -> None:
        self._ask, self._clock, self._emitter = ask, clock, emitter
        self._seen = SeenIds(_SEEN)
        self._arrivals: deque[tuple[float, str]] = deque()
        self._after: str | None = None
        """Where the next look after a connect begins: nothing before it can be missing."""

    def take(self, frame: Frame) -> None:
        """Take a frame that was pushed."""
        data = as_object(frame.get("data"))
        message_id = str(data.get("messageId"))
        if frame["type"] == "messageStatus":
            status = MessageStatus(
                message_id, str(data.get("recipientId")), str(data.get("type")), data.get("timestamp", 0)
            )
            self._emitter.emit("messageStatus", status)
        elif self._note(message_id):
            if frame["type"] == "messageReceived":
                self._emit_message(message_id, data)
            else:
                self._emit_notification(message_id, data, frame.get("timestamp", 0))

    async def read(self, status: MessageState | None, after: str | None = None) -> AsyncIterator[InboxEntry]:
        """Yield the entries of the inbox, oldest first. Raises DealsError."""
        while True:
            data: dict[str, Any] = {"limit": PAGE_ENTRIES}
            if status is not None:
                data["status"] = status
            if after is not None:
                data["after"] = after
            page: wire.Messages = (await self._ask("getMessages", data))["data"]
            for entry in page["messages"]:
                yield _to_entry(entry)
            if status is None and (cursor := page.get("cursor")) is not None:
                self._after = cursor
            after = page.get("next")
            if after is None:
                return

    async def catch_up(self) -> None:
        """Emit what came while away; what nobody has received yet where this is the first connect."""
        if not self._emitter.has("message", "notification"):
            return
        self._advance()
        after = self._after
        async for entry in self.read("sent" if after is None else None, after):
            if not self._note(entry.message_id):
                continue
            if entry.kind == "message":
                self._emit_message(entry.message_id, {**_message_fields(entry)})
            else:
                self._emit_notification(entry.message_id, entry.content, entry.timestamp)

    def _note(self, message_id: str) -> bool:
        if not self._seen.add(message_id):
            return False
        self._arrivals.append((self._clock.monotonic(), message_id))
        self._advance()
        return True

    def _advance(self) -> None:
        settled = self._clock.monotonic() - OVERTAKING_SECONDS
        while self._arrivals and self._arrivals[0][0] <= settled:
            _, message_id = self._arrivals.popleft()
            self._after = message_id if self._after is None else max(self._after, message_id)

    def _emit_message(self, message_id: str, data: Mapping[str, Any]) -> None:
        message = Message(
            message_id,
            str(data.get("senderId")),
            str(data.get("content")),
            str(data.get("type")),
            data.get("timestamp", 0),
        )
        self._emitter.emit("message", message)

    def _emit_notification(self, message_id: str, data: Mapping[str, Any], timestamp: int) -> None:
        # Another id in it, beside the service's, is the publisher's word.
        body = {name: value for name, value in data.items() if name != "messageId"}
        self._emitter.emit("notification", Notification(message_id, body, timestamp))


def _message_fields(entry: InboxEntry) -> dict[str, Any]:
    return {
        "senderId": entry.sender_id,
        "content": entry.content,
        "type": entry.type,
        "timestamp": entry.timestamp,
    }


def _to_entry(entry: wire.InboxEntry) -> InboxEntry:
    return InboxEntry(
        message_id=entry["messageId"],
        kind=entry.get("kind", "message"),
        sender_id=entry.get("senderId"),
        type=entry.get("type", ""),
        content=entry.get("content"),
        timestamp=entry.get("timestamp", 0),
        status=entry.get("status", "sent"),
        delivered_at=entry.get("deliveredAt"),
        read_at=entry.get("readAt"),
    )
