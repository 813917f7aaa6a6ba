"""How many distinct filters a topic has, by weight: an item for each topic, which only new groups write.

| `pk` | `sk` | attributes |
| --- | --- | --- |
| `n#<topic>` | `#count` | `n` the groups, at most; `counted_at`; `expires_at` |

Groups end by themselves (docs/adr/0001), so no counter can follow them down. This one is the number of the
last count and what was listed since: never too low but for what was listed during a count. Only where it
reaches the maximum are the groups counted again, at most once in ten minutes. The item stands apart from the
announcements in its partition, whose keys begin with a digit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from realtime_core.aws import backoff
from realtime_core.aws.dynamodb import ConditionFailed, Item, perform, read_number
from realtime_core.errors import StoreUnavailable
from realtime_core.filters.filters import weight_of
from realtime_core.subscriptions.base import REGISTRY_LIFETIME_SECONDS, Group, topic_full
from realtime_core.subscriptions.registry_reader import read_registry

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

COUNT_KEY = "#count"
COUNTED_SECONDS = 10 * 60
"""How often the groups of a full topic are counted: that reads all of them."""


class DynamoTopicCounts:
    """Admits new groups to topics with fewer than `maximum`."""

    def __init__(self, client: DynamoDBClient, table: str, maximum: int) -> None:
        self._client, self._table, self._maximum = client, table, maximum

    def admit(self, group: Group, now: int) -> int:
        """Count a new group (one write). Returns how many its topic has, rather too many than too few.

        A topic that has listed no group for three hours, or is full, costs a count and a second write. Raises
        SubscriptionFailed if the topic is full.
        """
        topic, weight = group.topic, weight_of(group.filter)
        for _ in backoff.attempts():
            try:
                return self._add(topic, weight, now)
            except ConditionFailed as refused:
                counted = refused.refused[0]
            if counted is not None and _is_current(counted, now):
                raise topic_full(topic, self._maximum)

            groups = self._count(topic, now)
            fits = groups + weight <= self._maximum
            number = groups + weight if fits else min(groups, self._maximum)
            try:
                self._store(topic, number, now, instead_of=counted)
            except ConditionFailed:
                continue  # others were admitted meanwhile: the count may lack them
            if not fits:
                raise topic_full(topic, self._maximum)
            return number
        raise StoreUnavailable(f"the count of the topic {topic} kept changing")

    def _add(self, topic: str, weight: int, now: int) -> int:
        return self._update(
            topic,
            "SET n = n + :weight, expires_at = :expires",
            {
                ":weight": weight,
                ":expires": now + REGISTRY_LIFETIME_SECONDS,
                ":most": self._maximum - weight,
                ":now": now,
            },
            # DynamoDB deletes expired items up to two days late.
            "n <= :most AND expires_at > :now",
        )

    def _store(self, topic: str, groups: int, now: int, *, instead_of: Item | None) -> None:
        """Store a count. Raises ConditionFailed if the number is not `instead_of` any more."""
        values = {":groups": groups, ":now": now, ":expires": now + REGISTRY_LIFETIME_SECONDS}
        condition = "attribute_not_exists(n)"
        if instead_of is not None:
            condition = "n = :was AND counted_at = :was_counted_at"
            values |= {
                ":was": read_number(instead_of, "n"),
                ":was_counted_at": read_number(instead_of, "counted_at"),
            }
        self._update(topic, "SET n = :groups, counted_at = :now, expires_at = :expires", values, condition)

    def _update(self, topic: str, expression: str, values: dict[str, int], condition: str) -> int:
        """Change the count, and return it. An update, so that the function needs no right to PutItem."""
        response = perform(
            lambda: self._client.update_item(
                TableName=self._table,
                Key={"pk": {"S": f"n#{topic}"}, "sk": {"S": COUNT_KEY}},
                UpdateExpression=expression,
                ConditionExpression=condition,
                ExpressionAttributeValues={name: {"N": str(value)} for name, value in values.items()},
                ReturnValues="UPDATED_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        )
        return read_number(response["Attributes"], "n")

    def _count(self, topic: str, now: int) -> int:
        """Count the groups that are listed, at least as far as the maximum (one query a page)."""
        weights: dict[str, int] = {}
        pages = read_registry(
            self._client,
            self._table,
            topic,
            ProjectionExpression="sk, f, n",
            FilterExpression="expires_at > :now",
            ExpressionAttributeValues={":now": {"N": str(now)}},
        )
        for items in pages:
            weights |= {item["sk"]["S"]: weight_of(item["f"]["S"]) for item in items}
            if len(weights) >= self._maximum:
                break
        return sum(weights.values())


def _is_current(counted: Item, now: int) -> bool:
    """Whether the number need not be counted again yet."""
    if int(counted["expires_at"]["N"]) <= now:
        return False
    return 0 <= now - int(counted["counted_at"]["N"]) < COUNTED_SECONDS
