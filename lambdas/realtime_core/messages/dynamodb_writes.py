"""The writes of the messages table's transactions."""

from __future__ import annotations

from typing import Any

from realtime_core.messages.base import Message, entry_expires_at
from realtime_core.messages.dynamodb_items import (
    counter_expires_at,
    counter_key,
    entry_item,
    entry_key,
    repeat_item,
)


class MessageWrites:
    """Builds writes. `attempt` counts a transaction's attempts from 0: each takes another unread counter."""

    def __init__(self, table: str, retention_days: int) -> None:
        self._table = table
        self._retention_days = retention_days

    def entry(self, message: Message, attempt: int) -> list[Any]:
        """The two writes that store a message: its entry, unless it exists, and the unread count."""
        put = {
            "TableName": self._table,
            "Item": entry_item(message, self._retention_days),
            "ConditionExpression": "attribute_not_exists(sk)",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        ends = entry_expires_at(message, self._retention_days)
        return [{"Put": put}, self._count(message, ends, 1, attempt)]

    def repeat(self, message: Message, request_id: str) -> Any:
        """The write of a repeat record, unless there is one."""
        return {
            "Put": {
                "TableName": self._table,
                "Item": repeat_item(message, request_id),
                # An expired record may not have been deleted yet.
                "ConditionExpression": "attribute_not_exists(sk) OR expires_at <= :now",
                "ExpressionAttributeValues": {":now": {"N": str(message.created_at)}},
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }

    def read(self, message: Message, entry_ends: int, now: int, attempt: int) -> list[Any]:
        """The two writes that mark a message as read; `entry_ends` is when its entry expires."""
        update: Any = {
            "TableName": self._table,
            "Key": entry_key(message.recipient_id, message.message_id),
            "UpdateExpression": "SET #status = :read, read_at = :now",
            # The same status as read, so that only one caller decrements the unread count.
            "ConditionExpression": "#status = :known",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": {
                ":read": {"S": "read"},
                ":known": {"S": message.status},
                ":now": {"N": str(now)},
            },
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        return [{"Update": update}, self._count(message, entry_ends, -1, attempt)]

    def _count(self, message: Message, entry_ends: int, step: int, attempt: int) -> Any:
        return {
            "Update": {
                "TableName": self._table,
                "Key": counter_key(message.recipient_id, message.message_id, entry_ends, attempt),
                "UpdateExpression": "SET expires_at = :expires ADD n :step",
                "ExpressionAttributeValues": {
                    ":expires": {"N": str(counter_expires_at(entry_ends))},
                    ":step": {"N": str(step)},
                },
            }
        }
