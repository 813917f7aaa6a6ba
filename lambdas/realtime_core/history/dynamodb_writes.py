"""The writes of the transactions that admit events to the history table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from realtime_core.aws.dynamodb import Item, number
from realtime_core.history.base import PublishClaim, kept_until
from realtime_core.history.dynamodb_items import event_key, repeat_key
from realtime_core.history.overtaken import InFlightBatch, encode_overtaken, overtaken_by
from realtime_core.lifetimes import REPEAT_LIFETIME_SECONDS
from realtime_core.schema import EVENT, EVENT_REPEAT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from realtime_core.history.base import NewEvent


class HistoryWrites:
    """Builds writes to `table`."""

    def __init__(self, table: str) -> None:
        self._table = table

    def event(
        self, event: NewEvent, claim: PublishClaim, own: InFlightBatch, others: Sequence[InFlightBatch]
    ) -> Any:
        """The write of an event of a topic, of the batch `own`, while `others` are in flight."""
        assert event.text is not None, "an event of a topic has a text"  # noqa: S101
        position = claim.position
        assert position is not None, "an event of a topic has a position"  # noqa: S101
        overtaken = overtaken_by(position, own, others)

        item: Item = {
            **event_key(position),
            "v": {"S": event.text},
            "at": number(claim.at_ms),
            "batch_id": number(claim.batch),
            "low": number(position if overtaken.low is None else overtaken.low),
            "overtook": {"S": encode_overtaken(overtaken)},
            "expires_at": number(kept_until(claim.at_ms // 1000, event.expires_at)),
            **EVENT.stamp,
        }
        return {"Put": {"TableName": self._table, "Item": item}}

    def repeat(self, claim: PublishClaim, own: InFlightBatch, now_ms: int) -> Any:
        """The write of a repeat record, unless there is one."""
        item: Item = {
            **repeat_key(claim.event_id),
            "p": number(claim.position or 0),
            "at": number(now_ms),
            "taken": number(now_ms),
            "expires_at": number(now_ms // 1000 + REPEAT_LIFETIME_SECONDS),
            **EVENT_REPEAT.stamp,
        }
        if claim.batch:
            item |= {
                "batch_id": number(claim.batch),
                "batch_size": number(claim.batch_size),
                "first": number(own.first or 0),
            }

        put = {
            "TableName": self._table,
            "Item": item,
            # An expired record may not have been deleted yet.
            "ConditionExpression": "attribute_not_exists(pk) OR expires_at <= :now",
            "ExpressionAttributeValues": {":now": number(now_ms // 1000)},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        return {"Put": put}

    def answer(self, claim: PublishClaim, answer: str) -> Any:
        """The write of a repeat record with its answer, in the form of a batch of writes.

        Unconditional: a claim outlives the invocation that has it (CLAIM_SECONDS), so no other has moved it.
        """
        item: Item = {
            **repeat_key(claim.event_id),
            "p": number(claim.position or 0),
            "at": number(claim.at_ms),
            "answer": {"S": answer},
            "expires_at": number(claim.at_ms // 1000 + REPEAT_LIFETIME_SECONDS),
            **EVENT_REPEAT.stamp,
        }
        if claim.batch:
            item |= {"batch_id": number(claim.batch), "batch_size": number(claim.batch_size)}
        return {"PutRequest": {"Item": item}}

    def move(self, before: PublishClaim, moved: PublishClaim, taken_ms: int) -> list[Any]:
        """The two writes that take an event from its old position, beside `event` at the new one.

        They hold while the claim of `taken_ms` (epoch milliseconds) is in force.
        """
        assert before.position is not None, "only an event of a topic is moved"  # noqa: S101
        assert moved.position is not None, "it moves to a position"  # noqa: S101
        delete = {"TableName": self._table, "Key": event_key(before.position)}

        update = {
            "TableName": self._table,
            "Key": repeat_key(moved.event_id),
            "UpdateExpression": "SET p = :position, #first = :position,"
            " batch_id = :batch, batch_size = :size",
            "ConditionExpression": "taken = :taken AND attribute_not_exists(answer)",
            "ExpressionAttributeNames": {"#first": "first"},
            "ExpressionAttributeValues": {
                ":position": number(moved.position),
                ":batch": number(moved.batch),
                ":size": number(moved.batch_size),
                ":taken": number(taken_ms),
            },
        }
        return [{"Delete": delete}, {"Update": update}]
