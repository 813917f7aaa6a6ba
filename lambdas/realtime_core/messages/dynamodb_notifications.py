"""Storing one notification in many inboxes: in few transactions, of which none fails another's recipients."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from realtime_core.aws import backoff
from realtime_core.aws.dynamodb import ConditionFailed, Contended, perform
from realtime_core.errors import StoreUnavailable
from realtime_core.messages.base import Message, NotAllStored
from realtime_core.wire.strict_json import byte_length, dumps

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

    from realtime_core.messages.dynamodb_writes import MessageWrites

# Outside limits: a transaction takes 100 writes, two for each message, and 4 MB.
TRANSACTION_MESSAGES_MAX = 50
TRANSACTION_BYTES_MAX = 3_000_000


def store_all(client: DynamoDBClient, writes: MessageWrites, messages: Sequence[Message]) -> None:
    """Store messages, up to 50 in a transaction; one that is stored already is skipped.

    Raises NotAllStored with the recipients of those that are not stored after every attempt.
    """
    waiting = list(_chunks(messages))
    for attempt in backoff.attempts():
        again: list[list[Message]] = []
        for number, group in enumerate(waiting):
            try:
                again += _try_to_store(client, writes, group, attempt)
            except StoreUnavailable as error:
                # The table cannot be reached: what is left would only use up the caller's time.
                raise _not_all_stored([*again, *waiting[number:]]) from error
        if not again:
            return
        waiting = again
    raise _not_all_stored(waiting)


def _try_to_store(
    client: DynamoDBClient, writes: MessageWrites, group: list[Message], attempt: int
) -> list[list[Message]]:
    """Try one transaction; returns the groups to try next. Raises StoreUnavailable if that has no use."""
    items = [write for message in group for write in writes.entry(message, attempt)]
    try:
        perform(lambda: client.transact_write_items(TransactItems=items), attempts=1)
    except ConditionFailed as failed:
        # A stored message fails the whole transaction; the others are tried again. Each has two writes.
        left = [message for index, message in enumerate(group) if 2 * index not in failed.refused]
        return [left] if left else []
    except Contended as contended:
        # A message that met a conflict is tried alone, so that a busy inbox holds up nobody else.
        busy = {write // 2 for write in contended.writes}
        calm = [message for index, message in enumerate(group) if index not in busy]
        return [*([calm] if calm else []), *([group[index]] for index in sorted(busy))]
    return []


def _not_all_stored(groups: Sequence[Sequence[Message]]) -> NotAllStored:
    return NotAllStored({message.recipient_id for group in groups for message in group})


def _chunks(messages: Sequence[Message]) -> Iterator[list[Message]]:
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
