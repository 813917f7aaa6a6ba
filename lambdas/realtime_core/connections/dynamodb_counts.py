"""What an index of the connections table tells of users without their records: how many, and whether any."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from realtime_core.aws.dynamodb import perform
from realtime_core.lifetimes import CLOSE_AFTER_SECONDS

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

USER_ID_INDEX = "UserIdIndex"
SIDE_BY_SIDE = 8
"""Queries at once: each takes a connection to DynamoDB, which a new process has to open."""


class DynamoConnectionCounts:
    """`ConnectionCounts` on DynamoDB."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def count_of_user(self, user_id: str, now: int) -> int:
        """How many connections of a user are open (one query a page, which returns no records)."""
        parameters: dict[str, Any] = {
            "TableName": self._table,
            "IndexName": USER_ID_INDEX,
            "KeyConditionExpression": "user_id = :user",
            "FilterExpression": "expires_at > :now AND token_exp > :ended",
            "ExpressionAttributeValues": {
                ":user": {"S": user_id},
                ":now": {"N": str(now)},
                ":ended": {"N": str(now - CLOSE_AFTER_SECONDS)},
            },
            "Select": "COUNT",
        }

        total = 0
        while True:
            page = perform(lambda: self._client.query(**parameters))
            total += page["Count"]
            if not page.get("LastEvaluatedKey"):
                return total
            parameters["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def online(self, user_ids: Sequence[str], now: int) -> set[str]:
        """Which of these users have an open connection (a query each, some side by side)."""
        # The other functions that load this module have no use for threads, which take a millisecond to load.
        from realtime_core.concurrency import map_concurrently  # noqa: PLC0415

        counts = map_concurrently(partial(self.count_of_user, now=now), user_ids, SIDE_BY_SIDE)
        return {user_id for user_id, count in zip(user_ids, counts, strict=True) if count}
