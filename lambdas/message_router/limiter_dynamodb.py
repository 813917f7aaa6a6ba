"""Token buckets in the limits table: an item for each bucket, updated by conditional writes."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from message_router.limits import (
    Limit,
    bucket_expires_at,
    check_tokens,
    full_at,
    microseconds,
    retry_after_ms,
)
from realtime_core.aws.dynamodb import ConditionFailed, perform
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


class DynamoLimiter:
    """`Limiter` on DynamoDB: exact for any number of processes, as far as their clocks agree."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table
        self._seen: OrderedDict[str, int] = OrderedDict()

    def check(self, bucket: str, limit: Limit, now: float) -> None:
        """Raise RateLimited if what this process saw last shows that there is no token."""
        check_tokens(self._seen.get(bucket), limit, microseconds(now))

    def take(self, bucket: str, limit: Limit, now: float) -> None:
        """Take a token (one write). Raises RateLimited if there is none.

        A second write is needed only if a user exceeds the rate and another process has handled the previous
        action: a bucket's time only grows, so the time that this process has seen shows that it is filling.
        """
        now_us = microseconds(now)
        if self._seen.get(bucket, 0) > now_us:
            stored = self._write(bucket, limit, now_us, filling=True)
        else:
            stored = self._write(bucket, limit, now_us, filling=False)
            if stored is not None and full_at(stored, limit, now_us) is not None:
                stored = self._write(bucket, limit, now_us, filling=True)
        if stored is not None:
            raise RateLimited(retry_after_ms(stored, limit, now_us))

    def _write(self, bucket: str, limit: Limit, now: int, *, filling: bool) -> int | None:
        """Try to take a token; None if it was taken, else the bucket's time that failed the condition."""
        expression, condition = _FILLING if filling else _FULL
        values = {":now": now, ":expires": bucket_expires_at(limit, now)}
        values |= (
            {":interval": limit.interval, ":latest": now + limit.tolerance}
            if filling
            else {":next": now + limit.interval}
        )

        try:
            response = perform(
                lambda: self._client.update_item(
                    TableName=self._table,
                    Key={"bucket": {"S": bucket}},
                    UpdateExpression=expression,
                    ConditionExpression=condition,
                    ExpressionAttributeValues={name: {"N": str(value)} for name, value in values.items()},
                    ReturnValues="UPDATED_NEW",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            )
        except ConditionFailed as failed:
            item = failed.refused[0]
            if item is None:
                # The item has expired since it was seen, so the bucket is full.
                self._seen.pop(bucket, None)
                return self._write(bucket, limit, now, filling=False)
            stored = int(item["full_at"]["N"])
            self._remember(bucket, stored)
            return stored

        self._remember(bucket, int(response["Attributes"]["full_at"]["N"]))
        return None

    def _remember(self, bucket: str, stored: int) -> None:
        self._seen.pop(bucket, None)
        self._seen[bucket] = stored
        if len(self._seen) > CACHED_BUCKETS_MAX:
            self._seen.popitem(last=False)
