"""The items of the messages table: inbox entries, unread counters and repeat records.

| item            | user_id            | sk             |
| --------------- | ------------------ | -------------- |
| inbox entry     | the recipient      | `m#<message_id>`; ids sort by time |
| unread counter  | the recipient      | `unread#<day>`, one for the entries of each day |
| repeat record   | `request#<sender>` | `r#<request_id>`, with a copy of the entry for a repeat's reply |

A user id contains no `#`, so no user id equals the key of a repeat record. Each day has its own counter, so
that it expires with its entries; a single counter would keep counting unread entries that have expired.
"""

from __future__ import annotations

from typing import cast

from realtime_core.aws.dynamodb import Item
from realtime_core.lifetimes import DAY_SECONDS, REPEAT_LIFETIME_SECONDS
from realtime_core.messages.base import Message, MessageKind, MessageStatus, entry_expires_at
from realtime_core.wire.strict_json import dumps, loads

ENTRY = "m#"
UNREAD = "unread#"


def entry_key(user_id: str, message_id: str) -> Item:
    """The key of an inbox entry."""
    return {"user_id": {"S": user_id}, "sk": {"S": ENTRY + message_id}}


def entry_item(message: Message, retention_days: int) -> Item:
    """The item of an inbox entry."""
    return {
        **entry_key(message.recipient_id, message.message_id),
        **_fields(message),
        "expires_at": {"N": str(entry_expires_at(message, retention_days))},
    }


def entry_from(item: Item) -> Message:
    """The message of an inbox entry."""
    return _message(item, recipient_id=item["user_id"]["S"], message_id=item["sk"]["S"].removeprefix(ENTRY))


def expires_at(item: Item) -> int:
    """When an entry expires; DynamoDB deletes it up to two days later."""
    return int(item["expires_at"]["N"])


def counter_key(message: Message) -> Item:
    """The key of the unread counter that counts a message."""
    return {
        "user_id": {"S": message.recipient_id},
        "sk": {"S": f"{UNREAD}{message.created_at // DAY_SECONDS}"},
    }


def counter_expires_at(message: Message, retention_days: int) -> int:
    """When a message's unread counter expires: not before the last entry of its day."""
    day_end = (message.created_at // DAY_SECONDS + 1) * DAY_SECONDS
    return day_end + retention_days * DAY_SECONDS


def repeat_item(message: Message, request_id: str) -> Item:
    """The repeat record: it identifies a repeated request, and holds the message for its reply."""
    return {
        "user_id": {"S": f"request#{message.sender_id}"},
        "sk": {"S": f"r#{request_id}"},
        **_fields(message),
        "recipient_id": {"S": message.recipient_id},
        "message_id": {"S": message.message_id},
        "expires_at": {"N": str(message.created_at + REPEAT_LIFETIME_SECONDS)},
    }


def repeated_from(item: Item) -> Message:
    """The message of a repeat record, as it was stored."""
    return _message(item, recipient_id=item["recipient_id"]["S"], message_id=item["message_id"]["S"])


def _fields(message: Message) -> Item:
    times = {"delivered_at": message.delivered_at, "read_at": message.read_at}
    return {
        "sender_id": {"S": message.sender_id},
        "kind": {"S": message.kind},
        "type": {"S": message.type},
        # As text, because DynamoDB's numbers do not preserve every JSON number.
        "content": {"S": dumps(message.content)},
        "created_at": {"N": str(message.created_at)},
        "status": {"S": message.status},
        **{name: {"N": str(time)} for name, time in times.items() if time is not None},
    }


def _message(item: Item, recipient_id: str, message_id: str) -> Message:
    return Message(
        message_id=message_id,
        recipient_id=recipient_id,
        sender_id=item["sender_id"]["S"],
        kind=cast("MessageKind", item["kind"]["S"]),
        type=item["type"]["S"],
        content=loads(item["content"]["S"]),
        created_at=int(item["created_at"]["N"]),
        status=cast("MessageStatus", item["status"]["S"]),
        delivered_at=_time(item, "delivered_at"),
        read_at=_time(item, "read_at"),
    )


def _time(item: Item, name: str) -> int | None:
    return int(item[name]["N"]) if name in item else None
