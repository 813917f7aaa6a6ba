"""The messages table: inboxes with their unread counts, and idempotent requests."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import TYPE_CHECKING, Any

from realtime_core.aws.dynamodb import ConditionFailed, Item, perform, query, start
from realtime_core.errors import NotFound, StoreUnavailable
from realtime_core.messages.base import STATUS_ORDER, Acknowledgement, Message, MessageStatus
from realtime_core.messages.dynamodb_items import (
    ENTRY,
    UNREAD,
    entry_from,
    entry_key,
    expires_at,
    repeated_from,
)
from realtime_core.messages.dynamodb_notifications import store_all
from realtime_core.messages.dynamodb_writes import MessageWrites
from realtime_core.schema import INBOX_ENTRY

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

    from realtime_core.started_call import StartedCall

INBOX_PAGES_MAX = 4
"""Pages that one call reads to find entries of a status; then the caller continues with another call."""
FILTERED_PAGE = 500


class DynamoMessages:
    """`Messages` on DynamoDB."""

    def __init__(self, client: DynamoDBClient, table: str, retention_days: int) -> None:
        self._client = client
        self._table = table
        self._writes = MessageWrites(table, retention_days)

    def put(self, message: Message, request_id: str | None) -> Message:
        """Store a message (one transaction), or return the one that the same request or id has stored.

        Raises ValidationFailed if the same request was for another recipient, type or content.
        """
        repeat = [] if request_id is None else [self._writes.repeat(message, request_id)]
        attempts = count()
        try:
            perform(
                lambda: self._client.transact_write_items(
                    TransactItems=[*self._writes.entry(message, next(attempts)), *repeat]
                )
            )
        except ConditionFailed as failed:
            return self._stored_message(failed, message)
        return message

    def put_all(self, messages: Sequence[Message]) -> None:
        """Store notifications, 50 in a transaction. Raises NotAllStored; a retry stores the others alone."""
        store_all(self._client, self._writes, messages)

    def get(self, user_id: str, message_id: str, now: int) -> Message | None:
        """An entry of a user's inbox (one consistent read), or None if there is none or it has expired."""
        item = self._entry(user_id, message_id)
        return None if item is None or not _is_there(item, now) else entry_from(item)

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
            messages += map(entry_from, INBOX_ENTRY.readable(items))
            if len(messages) > limit:
                return messages[:limit], messages[limit - 1].message_id
            if last is not None and number == INBOX_PAGES_MAX:
                return messages, str(last["sk"]["S"]).removeprefix(ENTRY)
        return messages, None

    def unread(self, user_id: str, now: int) -> int:
        """How many entries are unread (one query over the counters, at most 64 for each day of retention).

        An entry that expires unread counts until the end of that day, with its counter. Expired counters are
        left out together, because DynamoDB deletes one sooner than another.
        """
        return self.start_unread(user_id, now).result()

    def start_unread(self, user_id: str, now: int) -> StartedCall[int]:
        """Start `unread`."""
        parameters: dict[str, Any] = {
            "TableName": self._table,
            "ConsistentRead": True,
            "KeyConditionExpression": "user_id = :user AND begins_with(sk, :unread)",
            "FilterExpression": "expires_at > :now",
            "ProjectionExpression": "n",
            "ExpressionAttributeValues": {":user": _s(user_id), ":unread": _s(UNREAD), ":now": _n(now)},
        }

        def add_up(first: Any) -> int:
            items = list(first["Items"])
            if last := first.get("LastEvaluatedKey"):
                pages = query(self._client, **parameters, ExclusiveStartKey=last)
                items += [item for page, _ in pages for item in page]
            return sum(int(item["n"]["N"]) for item in items)

        return start(self._client, "Query", add_up, **parameters)

    def _entry(self, user_id: str, message_id: str) -> Item | None:
        key = entry_key(user_id, message_id)
        return perform(
            lambda: self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        ).get("Item")

    def _stored_message(self, failed: ConditionFailed, message: Message) -> Message:
        """The message that failed the conditions of `put`: in a repeat record, or the entry itself."""
        if record := failed.refused.get(2):
            return repeated_from(record, message)
        if entry := failed.refused.get(0):
            return entry_from(entry)
        raise StoreUnavailable(f"DynamoDB rejected message {message.message_id} without a reason") from failed

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
            return entry_from(_current(unchanged.refused[0], message_id, now))

        return entry_from(_current(response["Attributes"], message_id, now))

    def _read(self, user_id: str, message_id: str, now: int) -> Message:
        item = _current(self._entry(user_id, message_id), message_id, now)
        message, entry_ends = entry_from(item), expires_at(item)

        while message.status != "read":
            try:
                self._mark_read(message, entry_ends, now)
            except ConditionFailed as changed:
                # The status has advanced meanwhile. It only advances, so the loop ends.
                moved = entry_from(_current(changed.refused.get(0), message_id, now))
                if STATUS_ORDER[moved.status] <= STATUS_ORDER[message.status]:
                    raise StoreUnavailable(
                        f"DynamoDB rejected message {message_id} without a reason"
                    ) from changed
                message = moved
            else:
                return message._replace(status="read", read_at=now)
        return message

    def _mark_read(self, message: Message, entry_ends: int, now: int) -> None:
        attempts = count()
        perform(
            lambda: self._client.transact_write_items(
                TransactItems=self._writes.read(message, entry_ends, now, next(attempts))
            )
        )


def _current(item: Item | None, message_id: str, now: int) -> Item:
    """The item, unless it has expired or there is none. Raises NotFound."""
    if item is None or not _is_there(item, now):
        raise NotFound(f"There is no message {message_id} in this inbox")
    return item


def _is_there(item: Item, now: int) -> bool:
    return expires_at(item) > now and INBOX_ENTRY.is_readable(item)


def _s(text: str) -> dict[str, str]:
    return {"S": text}


def _n(number: int) -> dict[str, str]:
    return {"N": str(number)}
