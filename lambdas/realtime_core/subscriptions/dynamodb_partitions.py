"""How many partitions of the registry the topics have, as far as a process knows, and where a group may be.

| `pk` | `sk` | attributes |
| --- | --- | --- |
| `t#<topic>` | `#partitions` | `n` partitions; `expires_at`, after that of every group beyond the first |
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from realtime_core.aws.dynamodb import perform, start
from realtime_core.started_call import StartedCall
from realtime_core.subscriptions.base import REGISTRY_LIFETIME_SECONDS
from realtime_core.subscriptions.registry_keys import (
    GROUPS_MAX,
    PARTITIONS,
    PARTITIONS_KEY,
    partition_of,
    registry_pk,
)

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

EXTENDED_SECONDS = 10 * 60
"""How often a process extends the item of a topic whose groups it extends."""
LIFETIME_SECONDS = REGISTRY_LIFETIME_SECONDS + 2 * EXTENDED_SECONDS
KNOWN_SECONDS = 60
"""How long a process believes that a topic has one partition; several become no fewer while they are used."""
TOPICS_MAX = 10_000


class DynamoPartitions:
    """Places of groups. Threads may share an instance."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client, self._table = client, table
        self._one: OrderedDict[str, int] = OrderedDict()
        self._several: OrderedDict[str, int] = OrderedDict()

    def places(self, topic: str, group_id: str, now: int) -> list[int]:
        """The partitions that may list a group, the likeliest first (no call): where a new one would be."""
        home = partition_of(group_id, PARTITIONS) if self._has_several(topic, now) else 0
        return [home, 0] if home else [0]

    def start_look_up(self, topic: str, now: int) -> StartedCall[bool]:
        """Find out whether a topic has more partitions than was known. One query, at most once a minute."""
        if (
            self._has_several(topic, now)
            or 0 <= now - self._one.get(topic, now - KNOWN_SECONDS) < KNOWN_SECONDS
        ):
            return StartedCall(lambda: False)

        def note(page: Any) -> bool:
            # Extended at its first use, for this process has not done so yet.
            _remember(self._several if page["Items"] else self._one, topic, 0 if page["Items"] else now)
            return bool(page["Items"])

        return start(
            self._client,
            "Query",
            note,
            TableName=self._table,
            ConsistentRead=True,
            KeyConditionExpression="pk = :topic AND sk = :key",
            FilterExpression="expires_at > :now",
            ExpressionAttributeValues={
                ":topic": {"S": registry_pk(topic)},
                ":key": {"S": PARTITIONS_KEY},
                ":now": {"N": str(now)},
            },
        )

    def grow(self, topic: str, groups: int, now: int) -> None:
        """Give a topic of so many groups several partitions, if one is not enough (one write, once)."""
        if groups > GROUPS_MAX and not self._has_several(topic, now):
            self._extend(topic, now)

    def keep(self, topic: str, partition: int, now: int) -> None:
        """Keep a partition among those that are read, before a group in it is (one write in ten minutes)."""
        if partition and not 0 <= now - self._several.get(topic, 0) < EXTENDED_SECONDS:
            self._extend(topic, now)

    def _has_several(self, topic: str, now: int) -> bool:
        extended_at = self._several.get(topic)
        if extended_at is not None and extended_at and now - extended_at >= LIFETIME_SECONDS:
            del self._several[topic]
            return False
        return extended_at is not None

    def _extend(self, topic: str, now: int) -> None:
        """An update, although it may create an item, so that the function needs no right to PutItem."""
        perform(
            lambda: self._client.update_item(
                TableName=self._table,
                Key={"pk": {"S": registry_pk(topic)}, "sk": {"S": PARTITIONS_KEY}},
                UpdateExpression="SET n = :partitions, expires_at = :expires",
                ExpressionAttributeValues={
                    ":partitions": {"N": str(PARTITIONS)},
                    ":expires": {"N": str(now + LIFETIME_SECONDS)},
                },
            )
        )
        _remember(self._several, topic, now)


def _remember(topics: OrderedDict[str, int], topic: str, at: int) -> None:
    topics[topic] = at
    topics.move_to_end(topic)
    if len(topics) > TOPICS_MAX:
        topics.popitem(last=False)
