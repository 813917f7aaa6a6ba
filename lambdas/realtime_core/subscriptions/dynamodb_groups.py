"""The registry in the subscriptions table: which groups a topic has, and over how many shards each is spread.

| item         | pk           | sk                           | expires |
| ------------ | ------------ | ---------------------------- | ------- |
| group        | `t#<topic>`  | the group's id               | three hours after a subscriber's last touch |
| announcement | `n#<topic>`  | `<time>#<group id>#<shards>` | an hour after its time |

A connection lives at most two hours, so a group whose item has expired can have no live member: there is no
counter to drift, and nothing to collect.

A group is announced in the transaction that lists it or gives it more shards. So a reader who once read all
groups of a topic knows them all for as long as it reads the announcements since (`announced`).
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from realtime_core.aws.dynamodb import ConditionFailed, Item, perform, query
from realtime_core.subscriptions.base import (
    ANNOUNCEMENT_LIFETIME_SECONDS,
    REGISTRY_LIFETIME_SECONDS,
    REGISTRY_MARGIN_SECONDS,
    Group,
)

if TYPE_CHECKING:
    from concurrent.futures import Future

    from types_boto3_dynamodb.client import DynamoDBClient


# Of the registry's three hours, with the two of a connection, this leaves 50 minutes of slack.
TOUCHED_SECONDS = 10 * 60

TOUCHED_GROUPS_MAX = 10_000


def registry_key(topic: str, group_id: str) -> Item:
    """The key of a group's registry item."""
    return {"pk": {"S": f"t#{topic}"}, "sk": {"S": group_id}}


class DynamoGroups:
    """Groups of equal subscriptions on DynamoDB."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table
        self._touched: OrderedDict[str, tuple[int, Group]] = OrderedDict()

    def touch(self, group: Group, now: int) -> Group:
        """Make sure that the group is found by readers for the next two hours; the group with its shards.

        One write, two for a group that is new, none where this process did it in the last ten minutes.
        """
        touched_at, known = self._touched.get(group.group_id, (now - TOUCHED_SECONDS, group))
        if 0 <= now - touched_at < TOUCHED_SECONDS:
            return known
        try:
            answer = perform(
                lambda: self._client.update_item(
                    TableName=self._table,
                    Key=registry_key(group.topic, group.group_id),
                    UpdateExpression="SET expires_at = :expires",
                    ConditionExpression="expires_at > :surely_listed",
                    ExpressionAttributeValues={
                        ":expires": {"N": str(now + REGISTRY_LIFETIME_SECONDS)},
                        # A reader whose clock is ahead may have dropped it already.
                        ":surely_listed": {"N": str(now + REGISTRY_MARGIN_SECONDS)},
                    },
                    ReturnValues="ALL_NEW",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            )
            touched = _group(group.topic, answer["Attributes"])
        except ConditionFailed as unlisted:
            before = unlisted.refused[0]
            touched = _group(group.topic, before) if before else group
            self._list(touched, now)
        self._touched.pop(group.group_id, None)
        self._touched[group.group_id] = (now, touched)
        if len(self._touched) > TOUCHED_GROUPS_MAX:
            self._touched.popitem(last=False)
        return touched

    def of_topic(self, topic: str, now: int) -> list[Group]:
        """The groups of exactly this topic that may have members.

        Read consistently: whoever was told that the subscription is in force must get the next event.
        """
        pages = query(
            self._client,
            TableName=self._table,
            ConsistentRead=True,
            KeyConditionExpression="pk = :topic",
            # DynamoDB's sweep of expired items is up to two days late.
            FilterExpression="expires_at > :now",
            ExpressionAttributeValues={":topic": {"S": f"t#{topic}"}, ":now": {"N": str(now)}},
        )
        return [_group(topic, item) for items, _ in pages for item in items]

    def announced(self, topic: str, since: int) -> list[Group]:
        """The groups of exactly this topic that were listed, or got more shards, at `since` or later.

        A group comes as often as it was announced. Consistent, for the same reason.
        """
        pages = query(
            self._client,
            TableName=self._table,
            ConsistentRead=True,
            KeyConditionExpression="pk = :topic AND sk >= :since",
            ExpressionAttributeValues={":topic": {"S": f"n#{topic}"}, ":since": {"S": _stamp(since)}},
        )
        return [_announced(topic, item) for items, _ in pages for item in items]

    def spread(self, group: Group, shards: int, now: int) -> None:
        """Let new members go to more shards, never to fewer: readers read every shard up to this number."""
        listing = self._listing(
            group,
            "SET n = :shards",
            {":shards": {"N": str(shards)}},
            ConditionExpression="attribute_exists(pk) AND n < :shards",
        )
        announcement = self._announcement(group._replace(shards=shards), now)
        try:
            perform(lambda: self._client.transact_write_items(TransactItems=[listing, announcement]))
        except ConditionFailed:
            return  # it has expired, or has as many already
        self._touched.pop(group.group_id, None)

    def _list(self, group: Group, now: int) -> None:
        """List a group that is new or has expired, and say so. Somebody else may do the same: no harm."""
        listing = self._listing(
            group,
            # Another process may have spread it since it was looked at.
            "SET f = :filter, n = if_not_exists(n, :shards), expires_at = :expires",
            {
                ":filter": {"S": group.filter},
                ":shards": {"N": str(group.shards)},
                ":expires": {"N": str(now + REGISTRY_LIFETIME_SECONDS)},
            },
        )
        announcement = self._announcement(group, now)
        perform(lambda: self._client.transact_write_items(TransactItems=[listing, announcement]))

    def _listing(self, group: Group, expression: str, values: Item, **condition: str) -> Any:
        return {
            "Update": {
                "TableName": self._table,
                "Key": registry_key(group.topic, group.group_id),
                "UpdateExpression": expression,
                "ExpressionAttributeValues": values,
                **condition,
            }
        }

    def _announcement(self, group: Group, now: int) -> Any:
        """An update, though it makes a new item: so nobody who announces needs the right to put."""
        return {
            "Update": {
                "TableName": self._table,
                "Key": {
                    "pk": {"S": f"n#{group.topic}"},
                    "sk": {"S": f"{_stamp(now)}#{group.group_id}#{group.shards}"},
                },
                "UpdateExpression": "SET f = :filter, expires_at = :expires",
                "ExpressionAttributeValues": {
                    ":filter": {"S": group.filter},
                    ":expires": {"N": str(now + ANNOUNCEMENT_LIFETIME_SECONDS)},
                },
            }
        }


def _stamp(seconds: int) -> str:
    """A time as text that sorts like it."""
    return f"{max(seconds, 0):011}"


def _group(topic: str, item: Item) -> Group:
    return Group(group_id=item["sk"]["S"], topic=topic, filter=item["f"]["S"], shards=int(item["n"]["N"]))


def _announced(topic: str, item: Item) -> Group:
    _, group_id, shards = item["sk"]["S"].split("#")
    return Group(group_id=group_id, topic=topic, filter=item["f"]["S"], shards=int(shards))


READERS = 8
"""Shards read at once: most are one short page, so reading them one by one would be waiting."""


def member_pk(group: str, shard: int) -> str:
    """The partition of a group's shard."""
    return f"g#{group}#{shard}"


class DynamoMembers:
    """The members of groups on DynamoDB."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def of_groups(self, groups: Sequence[Group], now: int) -> Iterator[tuple[Group, list[str]]]:
        """The connections that may be posted to at `now`, a shard at a time, group by group."""
        shards = [(group, shard) for group in groups for shard in range(group.shards)]
        if len(shards) <= 1:
            for group, shard in shards:
                yield group, self._shard(group, shard, now)
            return
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - who only subscribes needs none

        with ThreadPoolExecutor(min(READERS, len(shards)), thread_name_prefix="members") as pool:
            reading: deque[tuple[Group, Future[list[str]]]] = deque()
            for group, shard in shards:
                reading.append((group, pool.submit(self._shard, group, shard, now)))
                if len(reading) > READERS:
                    yield _finished(*reading.popleft())
            while reading:
                yield _finished(*reading.popleft())

    def _shard(self, group: Group, shard: int, now: int) -> list[str]:
        """A shard's members. Consistent: who was told of its subscription gets the next event."""
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


def _finished(group: Group, members: Future[list[str]]) -> tuple[Group, list[str]]:
    return group, members.result()
