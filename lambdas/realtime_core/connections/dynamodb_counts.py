"""Counts of connections by user, from an index of the connections table.

Apart from the records, which not every caller needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from realtime_core.aws.dynamodb import perform
from realtime_core.lifetimes import CLOSE_AFTER_SECONDS

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

USER_ID_INDEX = "UserIdIndex"


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
