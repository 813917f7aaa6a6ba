"""The health record: an item of the history table, because its readers already have access to that table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from realtime_core.aws.dynamodb import Item, perform
from realtime_core.redis.health import Health

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

HEALTH: Item = {"pk": {"S": "health"}, "position": {"N": "0"}}


class DynamoHealth:
    """`HealthRecord` on DynamoDB."""

    def __init__(self, client: DynamoDBClient, history_table: str) -> None:
        self._client, self._table = client, history_table

    def report(self, health: Health) -> None:
        """Record the state of Redis (one write)."""
        perform(
            lambda: self._client.update_item(
                TableName=self._table,
                Key=HEALTH,
                UpdateExpression="SET redis = :redis, #at = :at",
                ExpressionAttributeNames={"#at": "at"},
                ExpressionAttributeValues={":redis": {"S": health.redis}, ":at": {"N": str(health.at)}},
            )
        )

    def last(self) -> Health | None:
        """The last report (one read), or None."""
        response = perform(lambda: self._client.get_item(TableName=self._table, Key=HEALTH))
        return health_from(response.get("Item"))


def health_from(item: Item | None) -> Health | None:
    """The report of an item, or None if there is no item."""
    if not item:
        return None
    return Health("down" if item["redis"]["S"] == "down" else "up", int(item["at"]["N"]))
