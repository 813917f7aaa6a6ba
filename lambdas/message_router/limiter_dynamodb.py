"""The limits table: one token bucket an item, taken from by conditional writes alone."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from message_router.limits import Limit, bucket_expires_at, full_at, microseconds, retry_after_ms
from realtime_core.aws.dynamodb import ConditionFailed, perform
from realtime_core.errors import RateLimited

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

REMEMBERED_MAX = 10_000

# DynamoDB knows no maximum of two values, so a bucket that is full by now and one that is still filling take
# different writes, each on the condition that it is the right one.
_FULL = ("SET full_at = :next, expires_at = :expires", "attribute_not_exists(full_at) OR full_at <= :now")
_FILLING = (
    "SET full_at = full_at + :interval, expires_at = :expires",
    "full_at > :now AND full_at <= :latest",
)


class DynamoLimiter:
    """`Limiter` on DynamoDB: exact, whatever the number of processes, as far as their clocks agree."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table
        self._seen: OrderedDict[str, int] = OrderedDict()

    def take(self, bucket: str, limit: Limit, now: float) -> None:
        """Take a token. Raises RateLimited where there is none.

        One write. Only somebody who is faster than the rate costs a second one, and only where the action
        before went through another process: a bucket's moment never moves back, so what this process saw of
        it is enough to know that it is still filling.
        """
        moment = microseconds(now)
        if self._seen.get(bucket, 0) > moment:
            refused = self._write(bucket, limit, moment, filling=True)
        else:
            refused = self._write(bucket, limit, moment, filling=False)
            if refused is not None and full_at(refused, limit, moment) is not None:
                refused = self._write(bucket, limit, moment, filling=True)
        if refused is not None:
            raise RateLimited(retry_after_ms(refused, limit, moment))

    def _write(self, bucket: str, limit: Limit, now: int, *, filling: bool) -> int | None:
        """Try to take a token; None where it was taken, else the moment that stood against it."""
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
                # Swept since it was seen: it had been full for an hour.
                self._seen.pop(bucket, None)
                return self._write(bucket, limit, now, filling=False)
            stands = int(item["full_at"]["N"])
            self._remember(bucket, stands)
            return stands
        self._remember(bucket, int(answer["Attributes"]["full_at"]["N"]))
        return None

    def _remember(self, bucket: str, moment: int) -> None:
        self._seen.pop(bucket, None)
        self._seen[bucket] = moment
        if len(self._seen) > REMEMBERED_MAX:
            self._seen.popitem(last=False)
