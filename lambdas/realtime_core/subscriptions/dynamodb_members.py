"""The members of groups in the subscriptions table: an item for each membership, a partition for each shard.

| `pk` | `sk` | attributes |
| --- | --- | --- |
| `g#<group id>#<shard>` | the connection id | `e` the token's expiry, `expires_at` the record's |
| | | `p` if the change was reported to the index as pending |
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from realtime_core.aws.dynamodb import query, start

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

    from realtime_core.started_call import StartedCall
    from realtime_core.subscriptions.base import Group

READERS = 8
"""Shards that are read at once. Most have one short page, so reading them in turn would be mostly waiting.

By one thread: requests are sent before the responses to earlier ones are waited for. Threads take twice the
processor time for a page of few members, and one event may match thousands of groups.
"""

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
        reading: deque[tuple[Group, StartedCall[list[str]]]] = deque()
        try:
            for group, shard in shards:
                reading.append((group, self._start_shard(group, shard, now)))
                if len(reading) == READERS:
                    yield _result(*reading.popleft())
            while reading:
                yield _result(*reading.popleft())
        finally:
            for _, members in reading:
                members.discard()

    def _start_shard(self, group: Group, shard: int, now: int) -> StartedCall[list[str]]:
        """Start to read a shard's members. Consistent: a confirmed subscription gets the next event."""
        parameters: dict[str, Any] = {
            "TableName": self._table,
            "ConsistentRead": True,
            "KeyConditionExpression": "pk = :shard",
            "FilterExpression": "e > :now AND expires_at > :now",
            "ProjectionExpression": "sk",
            "ExpressionAttributeValues": {
                ":shard": {"S": member_pk(group.group_id, shard)},
                ":now": {"N": str(now)},
            },
        }

        def read_on(first: Any) -> list[str]:
            ids = [item["sk"]["S"] for item in first["Items"]]
            if last := first.get("LastEvaluatedKey"):
                pages = query(self._client, **parameters, ExclusiveStartKey=last)
                ids += [item["sk"]["S"] for items, _ in pages for item in items]
            return ids

        return start(self._client, "Query", **parameters).then(read_on)


def _result(group: Group, members: StartedCall[list[str]]) -> tuple[Group, list[str]]:
    return group, members.result()
