"""The messages table: inboxes with their unread counts, and idempotent requests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from realtime_core.aws import backoff
from realtime_core.aws.dynamodb import ConditionFailed, Item, perform, query
from realtime_core.errors import NotFound, StoreUnavailable
from realtime_core.messages.base import STATUS_ORDER, Acknowledgement, Message, MessageStatus
from realtime_core.messages.dynamodb_items import (
    ENTRY,
    UNREAD,
    counter_expires_at,
    counter_key,
    entry_from,
    entry_item,
    entry_key,
    expires_at,
    repeat_item,
    repeated_from,
)
from realtime_core.wire.strict_json import byte_length, dumps

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

# Outside limits: a transaction takes 100 writes, two for each message, and 4 MB.
TRANSACTION_MESSAGES_MAX = 50
TRANSACTION_BYTES_MAX = 3_000_000

INBOX_PAGES_MAX = 4
"""Pages that one call reads to find entries of a status; then the caller continues with another call."""
FILTERED_PAGE = 500


class DynamoMessages:
    """`Messages` on DynamoDB."""

    def __init__(self, client: DynamoDBClient, table: str, retention_days: int) -> None:
        self._client = client
        self._table = table
        self._retention_days = retention_days

    def put(self, message: Message, request_id: str | None) -> Message:
        """Store a message (one transaction), or return the one that the same request or id has stored."""
        writes = self._entry_writes(message)
        if request_id is not None:
            writes.append(self._repeat_write(message, request_id))
        try:
            perform(lambda: self._client.transact_write_items(TransactItems=writes))
        except ConditionFailed as failed:
            return self._stored_message(failed, message)
        return message

    def put_all(self, messages: Sequence[Message]) -> None:
        """Store notifications, 50 in a transaction. After StoreUnavailable some may be stored: retry."""
        for chunk in self._chunks(messages):
            self._put_chunk(chunk)

    def acknowledge(self, user_id: str, message_id: str, status: Acknowledgement, now: int) -> Message:
        """Advance the status, never move it back. Raises NotFound if the message is not in this user's inbox.

        One write. `read` needs a read before it: the unread counter requires a transaction, and a transaction
        does not return the written items.
        """
        if status == "delivered":
            return self._deliver(user_id, message_id, now)
        return self._read(user_id, message_id, now)

    def inbox(
        self, user_id: str, after: str | None, limit: int, status: MessageStatus | None, now: int
    ) -> tuple[list[Message], str | None]:
        """Up to `limit` entries after the message id `after`, oldest first, and the id to continue after.

        The id is None at the end of the inbox. With a `status`, there may be fewer entries than `limit`, even
        none, and still an id: the search stops after four pages. The read is consistent: it returns every
        message that was stored before the caller connected.
        """
        condition = "expires_at > :now"
        # A space sorts before every character of an id, so no id lies between `after` and `after` with a
        # space. `$` is the character that follows the `#` of the prefix.
        values = {":now": _n(now), ":user": _s(user_id), ":to": _s("m$")}
        values[":from"] = _s(f"{ENTRY}{after} " if after is not None else ENTRY)
        names: dict[str, dict[str, str]] = {}
        if status is not None:
            condition += " AND #status = :status"
            values[":status"] = _s(status)
            names = {"ExpressionAttributeNames": {"#status": "status"}}

        pages = query(
            self._client,
            TableName=self._table,
            ConsistentRead=True,
            KeyConditionExpression="user_id = :user AND sk BETWEEN :from AND :to",
            FilterExpression=condition,
            ExpressionAttributeValues=values,
            Limit=limit + 1 if status is None else FILTERED_PAGE,
            **names,
        )

        messages: list[Message] = []
        for number, (items, last) in enumerate(pages, 1):
            messages += map(entry_from, items)
            if len(messages) > limit:
                return messages[:limit], messages[limit - 1].message_id
            if last is not None and number == INBOX_PAGES_MAX:
                return messages, str(last["sk"]["S"]).removeprefix(ENTRY)
        return messages, None

    def unread(self, user_id: str) -> int:
        """How many entries are unread (one query over the counters, at most one for each day of retention).

        An entry that expires unread is counted until the counter of its day is deleted, up to three days
        later.
        """
        pages = query(
            self._client,
            TableName=self._table,
            ConsistentRead=True,
            KeyConditionExpression="user_id = :user AND begins_with(sk, :unread)",
            ProjectionExpression="n",
            ExpressionAttributeValues={":user": _s(user_id), ":unread": _s(UNREAD)},
        )
        return sum(int(item["n"]["N"]) for items, _ in pages for item in items)

    def _entry_writes(self, message: Message) -> list[Any]:
        """The two writes that store a message: its entry, unless it exists, and the unread count."""
        entry = {
            "TableName": self._table,
            "Item": entry_item(message, self._retention_days),
            "ConditionExpression": "attribute_not_exists(sk)",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        return [{"Put": entry}, self._count(message, 1)]

    def _count(self, message: Message, step: int) -> Any:
        return {
            "Update": {
                "TableName": self._table,
                "Key": counter_key(message),
                "UpdateExpression": "SET expires_at = :expires ADD n :step",
                "ExpressionAttributeValues": {
                    ":expires": _n(counter_expires_at(message, self._retention_days)),
                    ":step": _n(step),
                },
            }
        }

    def _repeat_write(self, message: Message, request_id: str) -> Any:
        return {
            "Put": {
                "TableName": self._table,
                "Item": repeat_item(message, request_id),
                # An expired record may not have been deleted yet.
                "ConditionExpression": "attribute_not_exists(sk) OR expires_at <= :now",
                "ExpressionAttributeValues": {":now": _n(message.created_at)},
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }

    def _stored_message(self, failed: ConditionFailed, message: Message) -> Message:
        """The message that failed the conditions of `put`: in a repeat record, or the entry itself."""
        if record := failed.refused.get(2):
            return repeated_from(record)
        if entry := failed.refused.get(0):
            return entry_from(entry)
        raise StoreUnavailable(f"DynamoDB rejected message {message.message_id} without a reason") from failed

    def _chunks(self, messages: Sequence[Message]) -> Iterator[list[Message]]:
        """Split messages into transactions; each may contain an entry and a counter only once."""
        chunk: dict[str, Message] = {}
        size = 0
        for message in messages:
            grown = size + byte_length(dumps(message.content))
            if (
                message.recipient_id in chunk
                or len(chunk) == TRANSACTION_MESSAGES_MAX
                or grown > TRANSACTION_BYTES_MAX
            ):
                yield list(chunk.values())
                chunk, grown = {}, grown - size
            chunk[message.recipient_id] = message
            size = grown
        if chunk:
            yield list(chunk.values())

    def _put_chunk(self, messages: list[Message]) -> None:
        for _ in backoff.attempts():
            pending = messages
            writes = [write for message in pending for write in self._entry_writes(message)]
            try:
                perform(lambda: self._client.transact_write_items(TransactItems=writes))  # noqa: B023 - called at once
            except ConditionFailed as failed:
                # A stored message fails the whole transaction; retry with the others. Each has two writes.
                messages = [
                    message for index, message in enumerate(pending) if 2 * index not in failed.refused
                ]
                if messages:
                    continue
            return
        raise StoreUnavailable(f"{len(messages)} notifications failed in every attempt")

    def _deliver(self, user_id: str, message_id: str, now: int) -> Message:
        try:
            response = perform(
                lambda: self._client.update_item(
                    TableName=self._table,
                    Key=entry_key(user_id, message_id),
                    UpdateExpression="SET #status = :delivered, delivered_at = :now",
                    ConditionExpression="#status = :sent AND expires_at > :now",
                    ExpressionAttributeNames={"#status": "status"},
                    ExpressionAttributeValues={
                        ":delivered": _s("delivered"),
                        ":sent": _s("sent"),
                        ":now": _n(now),
                    },
                    ReturnValues="ALL_NEW",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            )
        except ConditionFailed as unchanged:
            return _current(unchanged.refused[0], message_id, now)

        return entry_from(response["Attributes"])

    def _read(self, user_id: str, message_id: str, now: int) -> Message:
        key = entry_key(user_id, message_id)
        response = perform(lambda: self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True))
        message = _current(response.get("Item"), message_id, now)

        while message.status != "read":
            try:
                self._mark_read(message, now)
            except ConditionFailed as changed:
                # The status has advanced meanwhile. It only advances, so the loop ends.
                moved = _current(changed.refused.get(0), message_id, now)
                if STATUS_ORDER[moved.status] <= STATUS_ORDER[message.status]:
                    raise StoreUnavailable(
                        f"DynamoDB rejected message {message_id} without a reason"
                    ) from changed
                message = moved
            else:
                return message._replace(status="read", read_at=now)
        return message

    def _mark_read(self, message: Message, now: int) -> None:
        entry: Any = {
            "Update": {
                "TableName": self._table,
                "Key": entry_key(message.recipient_id, message.message_id),
                "UpdateExpression": "SET #status = :read, read_at = :now",
                # The same status as read, so that only one caller decrements the unread count.
                "ConditionExpression": "#status = :known",
                "ExpressionAttributeNames": {"#status": "status"},
                "ExpressionAttributeValues": {
                    ":read": _s("read"),
                    ":known": _s(message.status),
                    ":now": _n(now),
                },
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }
        perform(lambda: self._client.transact_write_items(TransactItems=[entry, self._count(message, -1)]))


def _current(item: Item | None, message_id: str, now: int) -> Message:
    if item is None or expires_at(item) <= now:
        raise NotFound(f"There is no message {message_id} in this inbox")
    return entry_from(item)


def _s(text: str) -> dict[str, str]:
    return {"S": text}


def _n(number: int) -> dict[str, str]:
    return {"N": str(number)}
