"""The members of groups in the subscriptions table: an item for each membership, a partition for each shard.

| `pk` | `sk` | attributes |
| --- | --- | --- |
| `g#<group id>#<shard>` | the connection id | `e` the token's expiry, `expires_at` the record's |
| | | `p` if the change was reported to the index as pending |
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from realtime_core.aws.dynamodb import query

if TYPE_CHECKING:
    from concurrent.futures import Future

    from types_boto3_dynamodb.client import DynamoDBClient

    from realtime_core.subscriptions.base import Group

READERS = 8
"""Shards that are read at once. Most have one short page, so reading them in turn would be mostly waiting."""

REPORTED = "p"
"""Attribute of a membership whose writer reports its changes: index_projector takes others for a fault."""


def member_pk(group: str, shard: int) -> str:
    """The partition key of a group's shard."""
    return f"g#{group}#{shard}"


class DynamoMembers:
    """The members of groups on DynamoDB."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def of_groups(self, groups: Sequence[Group], now: int) -> Iterator[tuple[Group, list[str]]]:
        """The connections that can be posted to at `now`, a shard at a time, group by group."""
        shards = [(group, shard) for group in groups for shard in range(group.shards)]
        if len(shards) <= 1:
            for group, shard in shards:
                yield group, self._shard(group, shard, now)
            return
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - only publishing needs it

        with ThreadPoolExecutor(min(READERS, len(shards)), thread_name_prefix="members") as pool:
            reading: deque[tuple[Group, Future[list[str]]]] = deque()
            for group, shard in shards:
                reading.append((group, pool.submit(self._shard, group, shard, now)))
                if len(reading) > READERS:
                    yield _result(*reading.popleft())
            while reading:
                yield _result(*reading.popleft())

    def _shard(self, group: Group, shard: int, now: int) -> list[str]:
        """A shard's members. Consistent: a client with a confirmed subscription gets the next event."""
        pages = query(
            self._client,
            TableName=self._table,
            ConsistentRead=True,
            KeyConditionExpression="pk = :shard",
            FilterExpression="e > :now AND expires_at > :now",
            ProjectionExpression="sk",
            ExpressionAttributeValues={
                ":shard": {"S": member_pk(group.group_id, shard)},
                ":now": {"N": str(now)},
            },
        )
        return [item["sk"]["S"] for items, _ in pages for item in items]


def _result(group: Group, members: Future[list[str]]) -> tuple[Group, list[str]]:
    return group, members.result()
