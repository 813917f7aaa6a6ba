"""The registry in the subscriptions table: the groups of each topic, with their numbers of shards.

| item         | pk           | sk                           | expires |
| ------------ | ------------ | ---------------------------- | ------- |
| group        | `t#<topic>`  | the group's id               | three hours after a subscriber's last touch |
| announcement | `n#<topic>`  | `<time>#<group id>#<shards>` | an hour after its time |

Both have the filter's text as `f`; an announcement has NOTHING instead of a long one.

A topic of many groups has more partitions, `t#<topic>#<1 to 15>` (`registry_keys`).

A connection lives at most two hours, so a group whose item has expired has no open member. No counter can
drift, and nothing needs garbage collection.

The transaction that lists a group or gives it more shards also announces it. So a reader that has read all
groups of a topic once stays complete by reading only the later announcements (`announced`).
"""

from __future__ import annotations

from collections import OrderedDict
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from realtime_core.aws import backoff
from realtime_core.aws.dynamodb import (
    READ_MAX,
    ConditionFailed,
    Contended,
    Item,
    get_all,
    perform,
    query,
)
from realtime_core.errors import StoreUnavailable
from realtime_core.subscriptions.base import (
    ANNOUNCEMENT_LIFETIME_SECONDS,
    REGISTRY_LIFETIME_SECONDS,
    REGISTRY_MARGIN_SECONDS,
    Group,
)
from realtime_core.subscriptions.dynamodb_partitions import DynamoPartitions
from realtime_core.subscriptions.dynamodb_topic_counts import DynamoTopicCounts
from realtime_core.subscriptions.registry_keys import PARTITIONS, partition_of, registry_pk
from realtime_core.subscriptions.registry_reader import read_registry
from realtime_core.wire.strict_json import byte_length

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from types_boto3_dynamodb.client import DynamoDBClient


# Of the registry's three hours, minus two for a connection, this leaves a margin of 50 minutes.
TOUCHED_SECONDS = 10 * 60
TOUCHED_GROUPS_MAX = 10_000

ANNOUNCED_TEXT_BYTES = 512
"""Filters up to this size are announced with their text. Announcements are read for each event, two minutes
of them at least, from one partition; a longer text is read once, from the registry."""
NOTHING = '{"":{"exists":true}}'
"""In place of a long text: no client's filter has an attribute without a name, and it matches no event, which
is what an earlier release makes of it."""


class DynamoGroups:
    """Groups of equal subscriptions on DynamoDB."""

    def __init__(self, client: DynamoDBClient, table: str, topic_filters_max: int | None = None) -> None:
        self._client = client
        self._table = table
        self._counts = DynamoTopicCounts(client, table, topic_filters_max) if topic_filters_max else None
        self._partitions = DynamoPartitions(client, table)
        self._touched: OrderedDict[str, tuple[int, Group]] = OrderedDict()

    def touch(self, group: Group, now: int, admit_new: Callable[[], None] | None = None) -> Group:
        """Keep a group listed for at least two more hours; returns it with its number of shards.

        One write, two for a new group, none if this process has done it in the last ten minutes. One more
        counts a new group, if topics are limited; and one or two look for it in a topic of many groups. One
        query a minute tells whether its topic is one. `admit_new` is called before a group is listed.
        """
        touched_at, known = self._touched.get(group.group_id, (now - TOUCHED_SECONDS, group))
        if 0 <= now - touched_at < TOUCHED_SECONDS:
            return known

        touched = self._keep_listed(group, now, admit_new)

        self._touched.pop(group.group_id, None)
        self._touched[group.group_id] = (now, touched)
        if len(self._touched) > TOUCHED_GROUPS_MAX:
            self._touched.popitem(last=False)
        return touched

    def _keep_listed(self, group: Group, now: int, admit_new: Callable[[], None] | None) -> Group:
        """Extend the listing of a group, or list it; returns it with its number of shards.

        A listing that meets a conflict is not repeated as it is: the other one is most likely a listing of
        the same group, by one of many who subscribe to it at once. So the next attempt looks again.
        """
        is_admitted = False
        contended: Contended | None = None
        for _ in backoff.attempts():
            looking_up = self._partitions.start_look_up(group.topic, now)
            try:
                touched, before = self._touch_listed(group, now)
                if touched is not None:
                    # The answer is kept for later; a group that is listed does not need it.
                    with suppress(StoreUnavailable):
                        looking_up.result()
                    return touched
                has_more = looking_up.result()
            finally:
                looking_up.discard()
            if has_more:
                touched, before = self._touch_listed(group, now)
                if touched is not None:
                    return touched

            if not is_admitted:
                self._admit(group, before, now, admit_new)
                is_admitted = True
            try:
                return self._list(_group(group.topic, before) if before else group, now)
            except Contended as conflict:
                contended = conflict
        assert contended is not None, "every attempt that did not return met a conflict"  # noqa: S101
        raise contended

    def _touch_listed(self, group: Group, now: int) -> tuple[Group | None, Item | None]:
        """Keep a group that is listed somewhere; else return its item that ends soon, if there is one."""
        ending: Item | None = None
        for partition in self._partitions.places(group.topic, group.group_id, now):
            self._partitions.keep(group.topic, partition, now)
            try:
                return self._extend(group, partition, now), None
            except ConditionFailed as unlisted:
                ending = _latest(ending, unlisted.refused[0])
        return None, ending

    def _extend(self, group: Group, partition: int, now: int) -> Group:
        """Keep a group listed. Raises ConditionFailed, with its item, if it is not, or not for long."""
        response = perform(
            lambda: self._client.update_item(
                TableName=self._table,
                Key=_registry_key(group, partition),
                UpdateExpression="SET expires_at = :expires",
                ConditionExpression="expires_at > :listed_until",
                ExpressionAttributeValues={
                    ":expires": {"N": str(now + REGISTRY_LIFETIME_SECONDS)},
                    # A reader whose clock is ahead may have dropped the group already.
                    ":listed_until": {"N": str(now + REGISTRY_MARGIN_SECONDS)},
                },
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        )
        return _group(group.topic, response["Attributes"])

    def _admit(self, group: Group, before: Item | None, now: int, admit: Callable[[], None] | None) -> None:
        """Raise SubscriptionFailed if the caller or the topic may list no other group."""
        if before is not None and int(before["expires_at"]["N"]) > now:
            return  # listed still, but not for long: it is counted, and nobody's new one
        if admit is not None:
            admit()
        if self._counts is not None:
            groups = self._counts.admit(group, now)
            self._partitions.grow(group.topic, groups, now)

    def of_topic(self, topic: str, now: int) -> Iterator[Group]:
        """The groups of this topic that may have members, some of them twice.

        The read is consistent: a client whose subscription was confirmed must get the next event.
        """
        pages = read_registry(
            self._client,
            self._table,
            topic,
            # DynamoDB deletes expired items up to two days late.
            FilterExpression="expires_at > :now",
            ExpressionAttributeValues={":now": {"N": str(now)}},
        )
        return (_group(topic, item) for items in pages for item in items)

    def announced(
        self, topic: str, since: int, known: Callable[[str], Group | None] | None = None
    ) -> list[Group]:
        """The groups of this topic that were announced at `since` or later.

        A group is returned once for each announcement. `known` returns a group of an id that the caller has
        already. The reads are consistent, for the same reason.
        """
        pages = query(
            self._client,
            TableName=self._table,
            ConsistentRead=True,
            KeyConditionExpression="pk = :topic AND sk >= :since",
            ExpressionAttributeValues={":topic": {"S": f"n#{topic}"}, ":since": {"S": _stamp(since)}},
        )
        groups = [_announced(topic, item) for items, _ in pages for item in items]

        long = {group.group_id for group in groups if group.filter == NOTHING}
        texts = {group_id: group.filter for group_id in long if known and (group := known(group_id))}
        if unread := sorted(long - texts.keys()):
            texts |= self._texts(topic, unread)
        # One that is listed no more has ended.
        return [
            group._replace(filter=texts[group.group_id]) if group.group_id in long else group
            for group in groups
            if group.group_id not in long or group.group_id in texts
        ]

    def _texts(self, topic: str, group_ids: Sequence[str]) -> dict[str, str]:
        """The filters of groups, by id, as the registry lists them (one read for each fifty)."""
        texts: dict[str, str] = {}
        for start in range(0, len(group_ids), READ_MAX // 2):
            keys = [
                {"pk": {"S": registry_pk(topic, partition)}, "sk": {"S": group_id}}
                for group_id in group_ids[start : start + READ_MAX // 2]
                for partition in dict.fromkeys([0, partition_of(group_id, PARTITIONS)])
            ]
            found = get_all(self._client, {self._table: keys})[self._table]
            texts |= {item["sk"]["S"]: item["f"]["S"] for item in found}
        return texts

    def add_shards(self, group: Group, shards: int, now: int) -> None:
        """Give a group more shards, never fewer: readers read every shard up to this number."""
        announcement = self._announcement(group._replace(shards=shards), now)
        # Whichever lists it: a group that was listed twice has the larger number for its readers.
        for partition in dict.fromkeys([0, partition_of(group.group_id, PARTITIONS)]):
            listing = self._listing(
                group,
                partition,
                "SET n = :shards",
                {":shards": {"N": str(shards)}, ":now": {"N": str(now)}},
                ConditionExpression="expires_at > :now AND n < :shards",
            )
            writes = [listing, announcement]
            try:
                perform(lambda: self._client.transact_write_items(TransactItems=writes))  # noqa: B023 - called at once
            except ConditionFailed:
                continue  # it is not listed here, has expired, or has at least as many shards
            self._touched.pop(group.group_id, None)
            return

    def _list(self, group: Group, now: int) -> Group:
        """List and announce a group that is new or has expired, unless another process has just done it.

        Returns the listed group. One attempt: raises Contended where it meets another transaction.
        """
        partition = self._partitions.places(group.topic, group.group_id, now)[0]
        self._partitions.keep(group.topic, partition, now)
        listing = self._listing(
            group,
            partition,
            # Another process may have added shards since the group was read.
            "SET f = :filter, n = if_not_exists(n, :shards), expires_at = :expires",
            {
                ":filter": {"S": group.filter},
                ":shards": {"N": str(group.shards)},
                ":expires": {"N": str(now + REGISTRY_LIFETIME_SECONDS)},
                ":listed_until": {"N": str(now + REGISTRY_MARGIN_SECONDS)},
            },
            ConditionExpression="attribute_not_exists(expires_at) OR expires_at <= :listed_until",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        announcement = self._announcement(group, now)
        try:
            perform(lambda: self._client.transact_write_items(TransactItems=[listing, announcement]), 1)
        except ConditionFailed as listed:
            item = listed.refused[0]
            return _group(group.topic, item) if item else group
        return group

    def _listing(self, group: Group, partition: int, expression: str, values: Item, **condition: str) -> Any:
        return {
            "Update": {
                "TableName": self._table,
                "Key": _registry_key(group, partition),
                "UpdateExpression": expression,
                "ExpressionAttributeValues": values,
                **condition,
            }
        }

    def _announcement(self, group: Group, now: int) -> Any:
        """An update, although it creates an item, so that the function needs no permission for PutItem."""
        is_long = byte_length(group.filter) > ANNOUNCED_TEXT_BYTES
        return {
            "Update": {
                "TableName": self._table,
                "Key": {
                    "pk": {"S": f"n#{group.topic}"},
                    "sk": {"S": f"{_stamp(now)}#{group.group_id}#{group.shards}"},
                },
                "UpdateExpression": "SET f = :filter, expires_at = :expires",
                "ExpressionAttributeValues": {
                    ":filter": {"S": NOTHING if is_long else group.filter},
                    ":expires": {"N": str(now + ANNOUNCEMENT_LIFETIME_SECONDS)},
                },
            }
        }


def _registry_key(group: Group, partition: int) -> Item:
    return {"pk": {"S": registry_pk(group.topic, partition)}, "sk": {"S": group.group_id}}


def _latest(one: Item | None, other: Item | None) -> Item | None:
    """Of two items of a group the one that expires later."""
    items = [item for item in (one, other) if item is not None]
    return max(items, key=lambda item: int(item["expires_at"]["N"]), default=None)


def _stamp(seconds: int) -> str:
    """A time as text that sorts by time."""
    return f"{max(seconds, 0):011}"


def _group(topic: str, item: Item) -> Group:
    return Group(group_id=item["sk"]["S"], topic=topic, filter=item["f"]["S"], shards=int(item["n"]["N"]))


def _announced(topic: str, item: Item) -> Group:
    _, group_id, shards = item["sk"]["S"].split("#")
    return Group(group_id=group_id, topic=topic, filter=item["f"]["S"], shards=int(shards))
