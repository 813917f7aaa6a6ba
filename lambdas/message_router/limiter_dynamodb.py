"""Token buckets in DynamoDB: an item is a bucket, and conditional writes take its tokens."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from message_router.limits import Limit, bucket_expires_at, full_at, microseconds, retry_after_ms
from realtime_core.aws.dynamodb import ConditionFailed, perform
from realtime_core.errors import RateLimited

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

REMEMBERED_MAX = 10_000

# DynamoDB's expressions have no maximum of two values. So a full bucket and one that is still filling take
# different writes, each with the condition that the bucket is in that state.
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

    def take(self, bucket: str, limit: Limit, now: float) -> None:
        """Take a token. Raises RateLimited if there is none.

        Takes one write, and a second only if the user exceeds the rate and the previous action went through
        another process: the time at which a bucket is full never decreases, so the last one that this process
        saw proves that the bucket is still filling.
        """
        now_us = microseconds(now)

        if self._seen.get(bucket, 0) > now_us:
            conflict = self._write(bucket, limit, now_us, filling=True)
        else:
            conflict = self._write(bucket, limit, now_us, filling=False)
            if conflict is not None and full_at(conflict, limit, now_us) is not None:
                conflict = self._write(bucket, limit, now_us, filling=True)

        if conflict is not None:
            raise RateLimited(retry_after_ms(conflict, limit, now_us))

    def _write(self, bucket: str, limit: Limit, now: int, *, filling: bool) -> int | None:
        """Try to take a token. Returns None if it was taken, else the `full_at` for which it was not."""
        expression, condition = _FILLING if filling else _FULL
        values = {":now": now, ":expires": bucket_expires_at(limit, now)}
        values |= (
            {":interval": limit.interval, ":latest": now + limit.tolerance}
            if filling
            else {":next": now + limit.interval}
        )

        try:
            answer = perform(
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
                # Expired since this process saw it: it had been full for an hour.
                self._seen.pop(bucket, None)
                return self._write(bucket, limit, now, filling=False)
            conflict = int(item["full_at"]["N"])
            self._remember(bucket, conflict)
            return conflict

        self._remember(bucket, int(answer["Attributes"]["full_at"]["N"]))
        return None

    def _remember(self, bucket: str, bucket_full_at: int) -> None:
        self._seen.pop(bucket, None)
        self._seen[bucket] = bucket_full_at
        if len(self._seen) > REMEMBERED_MAX:
            self._seen.popitem(last=False)
