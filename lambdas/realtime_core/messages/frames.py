"""Messages between users, and notifications of backends, as clients see them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from realtime_core.messages.base import Acknowledgement, Message
from realtime_core.wire.frames import FRAME_BYTES_MAX, PAGE_BYTES, frame
from realtime_core.wire.strict_json import byte_length, dumps


def received_frame(message: Message, *, now: int) -> str:
    """The push of a message to every connection of its recipient."""
    data = {
        "messageId": message.message_id,
        "senderId": message.sender_id,
        "content": message.content,
        "type": message.type,
        "timestamp": message.created_at,
    }
    return frame("messageReceived", data, now=now)


def sent_reply(message: Message) -> dict[str, Any]:
    """Data of the `messageSent` reply; built from the stored message, so that a repeat gets the same."""
    return {
        "messageId": message.message_id,
        "recipientId": message.recipient_id,
        "timestamp": message.created_at,
    }


def status_frame(message: Message, acknowledged: Acknowledgement, *, now: int) -> str:
    """The push to the sender of a message: what became of it, and when."""
    data = {
        "messageId": message.message_id,
        "recipientId": message.recipient_id,
        "type": acknowledged,
        "timestamp": acknowledged_at(message, acknowledged, now),
    }
    return frame("messageStatus", data, now=now)


def acknowledged_at(message: Message, acknowledged: Acknowledgement, otherwise: int) -> int:
    """When the message first had this status, as far as its record tells."""
    at = message.read_at if acknowledged == "read" else message.delivered_at
    return otherwise if at is None else at


def inbox_item(message: Message) -> dict[str, Any]:
    """One entry of a `messages` reply; who sent a notification is not said, because no user did."""
    item = {
        "messageId": message.message_id,
        "kind": message.kind,
        "senderId": message.sender_id or None,
        "type": message.type,
        "content": message.content,
        "timestamp": message.created_at,
        "status": message.status,
        "deliveredAt": message.delivered_at,
        "readAt": message.read_at,
    }
    return {name: value for name, value in item.items() if value is not None}


def inbox_page(messages: Sequence[Message], more: str | None) -> dict[str, Any]:
    """Data of the `messages` reply: as many entries as fit one network frame, but at least one.

    `more` is where the store's page ended, or None at the end of the inbox. A page that is cut short here
    goes on after its own last entry instead.
    """
    items: list[dict[str, Any]] = []
    used = PAGE_BYTES
    for message in messages:
        item = inbox_item(message)
        used += byte_length(dumps(item)) + 1
        if items and used > FRAME_BYTES_MAX:
            more = items[-1]["messageId"]
            break
        items.append(item)
    return {"messages": items} if more is None else {"messages": items, "next": more}
