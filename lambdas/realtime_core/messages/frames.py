"""The frames and reply data of messages and notifications."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from realtime_core.ids import ENTROPY_BYTES, new_message_id
from realtime_core.messages.base import Acknowledgement, Message
from realtime_core.wire.frames import FRAME_BYTES_MAX, PAGE_BYTES, frame
from realtime_core.wire.strict_json import byte_length, dumps


def received_frame(message: Message, *, now: int) -> str:
    """The frame for every connection of a message's recipient."""
    data = {
        "messageId": message.message_id,
        "senderId": message.sender_id,
        "content": message.content,
        "type": message.type,
        "timestamp": message.created_at,
    }
    return frame("messageReceived", data, now=now)


def sent_reply(message: Message) -> dict[str, Any]:
    """The data of the `messageSent` reply, from the stored message, so that a repeat gets the same data."""
    return {
        "messageId": message.message_id,
        "recipientId": message.recipient_id,
        "timestamp": message.created_at,
    }


def status_frame(message: Message, acknowledged: Acknowledgement, *, now: int) -> str:
    """The frame that tells a message's sender that it was delivered or read, and when."""
    data = {
        "messageId": message.message_id,
        "recipientId": message.recipient_id,
        "type": acknowledged,
        "timestamp": acknowledged_at(message, acknowledged, now),
    }
    return frame("messageStatus", data, now=now)


def acknowledged_at(message: Message, acknowledged: Acknowledgement, default: int) -> int:
    """When the message got this status, or `default` if its record does not say."""
    at = message.read_at if acknowledged == "read" else message.delivered_at
    return default if at is None else at


def inbox_item(message: Message) -> dict[str, Any]:
    """An entry of a `messages` reply; a notification has no sender."""
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


CURSOR_LAG_SECONDS = 30
"""How far the cursor of an inbox is behind the present: as long as a message may take to be stored. Its id
has the time at which that began."""


def inbox_page(messages: Sequence[Message], more: str | None, now_ms: int) -> dict[str, Any]:
    """The data of the `messages` reply: as many entries as fit one network frame, but at least one.

    `more` is the id that the store's next page continues after, or None at the end of the inbox. If not all
    messages fit, the next page continues after the last entry that does. The cursor is what a later request
    continues after (epoch milliseconds): no message that is still to be stored has a lower id.
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
    settled = new_message_id(now_ms - CURSOR_LAG_SECONDS * 1000, bytes(ENTROPY_BYTES))
    if more is None:
        return {"messages": items, "cursor": settled}
    return {"messages": items, "next": more, "cursor": min(more, settled)}
