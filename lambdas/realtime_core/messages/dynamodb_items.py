"""The items of the messages table: inbox entries, unread counters and repeat records.

| item            | user_id            | sk             |
| --------------- | ------------------ | -------------- |
| inbox entry     | the recipient      | `m#<message_id>`; ids sort by time |
| unread counter  | the recipient      | `unread#<day>#<shard>`, for the entries that expire on that day |
| repeat record   | `request#<sender>` | `r#<request_id>`: the message's id, recipient, time and digest |

A user id contains no `#`, so no user id equals the key of a repeat record.

DynamoDB cancels a transaction that meets another one at an item. So a day has many counters, of which each
attempt takes another: docs/adr/0018-unread-counts-in-shards.md. Counters end with the entries that they
count; a single one would keep counting unread entries that have expired. In the first release the counters
were `unread#<day>` by the day of storing. They expire at the same moments, and are added up with the others.
"""

from __future__ import annotations

import hashlib
from typing import cast

from realtime_core.aws.dynamodb import Item
from realtime_core.ids import shard_of
from realtime_core.lifetimes import DAY_SECONDS, REPEAT_LIFETIME_SECONDS
from realtime_core.messages.base import (
    Message,
    MessageKind,
    MessageStatus,
    counted_until,
    entry_expires_at,
    is_same_request,
    refuse_reused_request_id,
)
from realtime_core.schema import INBOX_ENTRY, MESSAGE_REQUEST
from realtime_core.wire.strict_json import dumps, loads

ENTRY = "m#"
UNREAD = "unread#"
COUNTER_SHARDS = 64
"""Counters of an inbox for a day. At 250 messages a second, which is what the partition of an inbox takes,
less than one transaction in ten meets another at a counter."""


def entry_key(user_id: str, message_id: str) -> Item:
    """The key of an inbox entry."""
    return {"user_id": {"S": user_id}, "sk": {"S": ENTRY + message_id}}


def entry_item(message: Message, retention_days: int) -> Item:
    """The item of an inbox entry."""
    return {
        **entry_key(message.recipient_id, message.message_id),
        **_fields(message),
        "expires_at": {"N": str(entry_expires_at(message, retention_days))},
        **INBOX_ENTRY.stamp,
    }


def entry_from(item: Item) -> Message:
    """The message of an inbox entry. Raises NewerRecord."""
    INBOX_ENTRY.check(item)
    return _message(item, recipient_id=item["user_id"]["S"], message_id=item["sk"]["S"].removeprefix(ENTRY))


def expires_at(item: Item) -> int:
    """When an entry expires; DynamoDB deletes it up to two days later."""
    return int(item["expires_at"]["N"])


def counter_key(user_id: str, message_id: str, entry_ends: int, attempt: int) -> Item:
    """The key of the counter that an attempt to count an entry takes; `entry_ends` is the entry's expiry."""
    shard = shard_of(f"{message_id}#{attempt}", COUNTER_SHARDS)
    return {"user_id": {"S": user_id}, "sk": {"S": f"{UNREAD}{entry_ends // DAY_SECONDS}#{shard}"}}


def counter_expires_at(entry_ends: int) -> int:
    """When an entry's counters expire, all at once: one may have counted down what another counted up."""
    return counted_until(entry_ends)


def repeat_item(message: Message, request_id: str) -> Item:
    """The repeat record: it identifies a repeated request, and has what a repeat is compared with.

    The digest covers the content. The empty one is for the first release, which replies by this record.
    """
    return {
        "user_id": {"S": f"request#{message.sender_id}"},
        "sk": {"S": f"r#{request_id}"},
        **_fields(message._replace(content="")),
        "recipient_id": {"S": message.recipient_id},
        "message_id": {"S": message.message_id},
        "digest": {"S": request_digest(message)},
        "expires_at": {"N": str(message.created_at + REPEAT_LIFETIME_SECONDS)},
        **MESSAGE_REQUEST.stamp,
    }


def request_digest(message: Message) -> str:
    """128 bits of a hash over what a request asks for: recipient, type and content."""
    text = dumps([message.recipient_id, message.type, message.content])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def repeated_from(item: Item, message: Message) -> Message:
    """The first message of a request, from its repeat record and the repeat's `message`.

    Raises ValidationFailed if the request asked for another one then. A record of the first release has no
    digest, but the whole message. Raises NewerRecord.
    """
    MESSAGE_REQUEST.check(item)
    if "digest" in item:
        is_same = item["digest"]["S"] == request_digest(message)
    else:
        first = _message(item, recipient_id=item["recipient_id"]["S"], message_id=item["message_id"]["S"])
        is_same = is_same_request(first, message)
    if not is_same:
        refuse_reused_request_id()
    return message._replace(message_id=item["message_id"]["S"], created_at=int(item["created_at"]["N"]))


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
