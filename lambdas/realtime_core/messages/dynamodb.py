"""The messages table: inboxes, their unread counts, and what makes a repeated request harmless."""

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

# Outside limit: a transaction takes 100 writes, two for each message, and 4 MB.
TRANSACTION_MESSAGES_MAX = 50
TRANSACTION_BYTES_MAX = 3_000_000

INBOX_PAGES_MAX = 4
"""Pages that one call reads in search of a status; where they hold too few, the caller is told to go on."""
FILTERED_PAGE = 500


class DynamoMessages:
    """`Messages` on DynamoDB."""

    def __init__(self, client: DynamoDBClient, table: str, retention_days: int) -> None:
        self._client = client
        self._table = table
        self._retention_days = retention_days

    def put(self, message: Message, request_id: str | None) -> Message:
        """Store a message (one transaction), or return what the same request or message id stored before."""
        writes = self._entry_writes(message)
        if request_id is not None:
            writes.append(self._repeat_write(message, request_id))
        try:
            perform(lambda: self._client.transact_write_items(TransactItems=writes))
        except ConditionFailed as failed:
            return self._stored_before(failed, message)
        return message

    def put_all(self, messages: Sequence[Message]) -> None:
        """Store notifications, 50 in a transaction. After StoreUnavailable some may be stored: repeat it."""
        for chunk in self._chunks(messages):
            self._put_chunk(chunk)

    def acknowledge(self, user_id: str, message_id: str, status: Acknowledgement, now: int) -> Message:
        """Move the status forward, never back. Raises NotFound for what is not in this user's inbox.

        One write. `read` takes a read before it, since a transaction, which the unread counter needs, does
        not return what it wrote.
        """
        if status == "delivered":
            return self._deliver(user_id, message_id, now)
        return self._read(user_id, message_id, now)

    def inbox(
        self, user_id: str, after: str | None, limit: int, status: MessageStatus | None, now: int
    ) -> tuple[list[Message], str | None]:
        """Up to `limit` entries above `after`, oldest first, and where to go on, or None at the end.

        There may be fewer than `limit`, even none, and more to come: the search for a status stops after four
        pages. Read consistently: what was stored before the caller connected is seen.
        """
        condition = "expires_at > :now"
        # A space sorts below every character of an id, so nothing lies between an id and itself with one;
        # `$` is the character after the prefix's `#`.
        values = {":now": _n(now), ":user": _s(user_id), ":to": _s("m$")}
        values[":from"] = _s(f"{ENTRY}{after} " if after is not None else ENTRY)
        names: dict[str, dict[str, str]] = {}
        if status is not None:
            condition += " AND #status = :status"
            values[":status"] = _s(status)
            names = {"ExpressionAttributeNames": {"#status": "status"}}
        found: list[Message] = []
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
        for number, (items, last) in enumerate(pages, 1):
            found += map(entry_from, items)
            if len(found) > limit:
                return found[:limit], found[limit - 1].message_id
            if last is not None and number == INBOX_PAGES_MAX:
                return found, str(last["sk"]["S"]).removeprefix(ENTRY)
        return found, None

    def unread(self, user_id: str) -> int:
        """How many entries are not read yet (one query over at most a counter a day of retention).

        An entry that expired unread is counted until its day's counter is swept, up to three days longer.
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
        """The two writes that store a message: its entry, unless it is there already, and its count."""
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
                # A record past its 24 hours may not have been swept yet.
                "ConditionExpression": "attribute_not_exists(sk) OR expires_at <= :now",
                "ExpressionAttributeValues": {":now": _n(message.created_at)},
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }

    def _stored_before(self, failed: ConditionFailed, message: Message) -> Message:
        """What the refusing writes of `put` found: a repeat record, or the entry itself."""
        if record := failed.refused.get(2):
            return repeated_from(record)
        if entry := failed.refused.get(0):
            return entry_from(entry)
        raise StoreUnavailable(
            f"DynamoDB refused message {message.message_id} without saying why"
        ) from failed

    def _chunks(self, messages: Sequence[Message]) -> Iterator[list[Message]]:
        """Split into what fits a transaction, which may name each entry and each counter only once."""
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
                # One that is stored already refuses the whole transaction; the others go on without it.
                messages = [one for place, one in enumerate(pending) if 2 * place not in failed.refused]
                if messages:
                    continue
            return
        raise StoreUnavailable(f"{len(messages)} notifications were refused in every attempt")

    def _deliver(self, user_id: str, message_id: str, now: int) -> Message:
        try:
            answer = perform(
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
        return entry_from(answer["Attributes"])

    def _read(self, user_id: str, message_id: str, now: int) -> Message:
        key = entry_key(user_id, message_id)
        answer = perform(lambda: self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True))
        message = _current(answer.get("Item"), message_id, now)
        while message.status != "read":
            try:
                self._mark_read(message, now)
            except ConditionFailed as changed:
                # It has moved on meanwhile. It moves forward only, so this ends.
                moved = _current(changed.refused.get(0), message_id, now)
                if STATUS_ORDER[moved.status] <= STATUS_ORDER[message.status]:
                    raise StoreUnavailable(
                        f"DynamoDB refused message {message_id} without saying why"
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
                # The very status that was read, so that a count is taken off once, by one caller.
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
