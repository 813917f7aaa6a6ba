"""Token buckets in the limits table: an item for each bucket, updated by conditional writes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from message_router.limits import (
    Limit,
    bucket_expires_at,
    check_tokens,
    full_at,
    microseconds,
    retry_after_ms,
)
from realtime_core.aws.dynamodb import ConditionFailed, Item, number, perform, read_number
from realtime_core.errors import RateLimited

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

CACHED_BUCKETS_MAX = 10_000

# DynamoDB expressions have no maximum of two values, so a full bucket and one that is filling need different
# writes, each with a condition that the bucket is in that state.
_FULL = ("SET full_at = :next, expires_at = :expires", "attribute_not_exists(full_at) OR full_at <= :now")
_FILLING = (
    "SET full_at = full_at + :interval, expires_at = :expires",
    "full_at > :now AND full_at <= :latest",
)

MARK_MARGIN_SECONDS = 2 * 60 * 60
"""How long a bucket outlasts its mark: longer than one that is used outlasts its use, so one write does."""


class _Written(NamedTuple):
    """The bucket after an attempt to take a token."""

    taken: bool
    full_at: int
    marked_until: int

    @classmethod
    def of(cls, item: Mapping[str, Any], *, taken: bool) -> _Written:
        return cls(taken, int(item["full_at"]["N"]), read_number(item, "marked_until"))


class DynamoLimiter:
    """`Limiter` on DynamoDB: exact for any number of processes, as far as their clocks agree."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table
        self._seen: OrderedDict[str, int] = OrderedDict()

    def check(self, bucket: str, limit: Limit, now: float) -> None:
        """Raise RateLimited if what this process saw last shows that there is no token."""
        check_tokens(self._seen.get(bucket), limit, microseconds(now))

    def take(self, bucket: str, limit: Limit, now: float) -> int:
        """Take a token (one write); returns until when the bucket is marked. Raises RateLimited.

        A second write is needed only if a user exceeds the rate and another process has handled the previous
        action: a bucket's time only grows, so the time that this process has seen shows that it is filling.
        """
        now_us = microseconds(now)
        if self._seen.get(bucket, 0) > now_us:
            written = self._write(bucket, limit, now_us, filling=True)
        else:
            written = self._write(bucket, limit, now_us, filling=False)
            if not written.taken and full_at(written.full_at, limit, now_us) is not None:
                written = self._write(bucket, limit, now_us, filling=True)
        if not written.taken:
            raise RateLimited(retry_after_ms(written.full_at, limit, now_us))
        return written.marked_until

    def mark(self, bucket: str, until: int) -> None:
        """Mark a bucket until a time (one write; two if the bucket expires later than the mark)."""
        marks: Item = {":until": {"N": str(until)}}
        try:
            self._update(
                bucket,
                "SET marked_until = :until, expires_at = :expires",
                "attribute_not_exists(expires_at) OR expires_at < :expires",
                {**marks, ":expires": {"N": str(until + MARK_MARGIN_SECONDS)}},
            )
        except ConditionFailed:
            self._update(bucket, "SET marked_until = :until", None, marks)

    def _write(self, bucket: str, limit: Limit, now: int, *, filling: bool) -> _Written:
        """Try to take a token."""
        expression, condition = _FILLING if filling else _FULL
        values = {":now": number(now), ":expires": number(bucket_expires_at(limit, now))}
        if filling:
            values[":interval"], values[":latest"] = number(limit.interval), number(now + limit.tolerance)
        else:
            values[":next"] = number(now + limit.interval)

        try:
            after = self._update(bucket, expression, condition, values)
        except ConditionFailed as failed:
            item = failed.refused[0]
            if item is None or "full_at" not in item:
                # The item has expired since it was seen, so the bucket is full.
                self._seen.pop(bucket, None)
                return self._write(bucket, limit, now, filling=False)
            written = _Written.of(item, taken=False)
        else:
            written = _Written.of(after, taken=True)

        self._remember(bucket, written.full_at)
        return written

    def _update(self, bucket: str, expression: str, condition: str | None, values: Item) -> Item:
        """Update a bucket; returns it after that. Raises ConditionFailed."""
        parameters: dict[str, Any] = {
            "TableName": self._table,
            "Key": {"bucket": {"S": bucket}},
            "UpdateExpression": expression,
            "ExpressionAttributeValues": values,
            "ReturnValues": "ALL_NEW",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        if condition is not None:
            parameters["ConditionExpression"] = condition
        item: Item = perform(partial(self._client.update_item, **parameters))["Attributes"]
        return item

    def _remember(self, bucket: str, stored: int) -> None:
        self._seen.pop(bucket, None)
        self._seen[bucket] = stored
        if len(self._seen) > CACHED_BUCKETS_MAX:
            self._seen.popitem(last=False)
