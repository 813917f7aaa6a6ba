"""The members of groups in the subscriptions table: an item for each membership, a partition for each shard.

| `pk` | `sk` | attributes |
| --- | --- | --- |
| `g#<group id>#<shard>` | the connection id | `e` the token's expiry, `expires_at` the record's |
| | | `j` when its request was received, epoch milliseconds |
| | | `p` if the change was reported to the index as pending |
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from realtime_core.aws.dynamodb import number, start
from realtime_core.subscriptions.base import MemberPage, MemberPlace, shards_between
from realtime_core.subscriptions.dynamodb_statements import MemberStatements, StatementsRefused
from realtime_core.telemetry.logs import get_logger

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

    from realtime_core.started_call import StartedCall
    from realtime_core.subscriptions.base import Group

log = get_logger(__name__)

SMALL_MEMBERS_MAX = 40
"""A query of its own takes less processor time for a group of more, once a process knows it: the rows of a
statement have the key of their group as well."""
LARGER_GROUPS_MAX = 20_000

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
        self._statements = MemberStatements(client, table)
        self._larger: OrderedDict[str, None] = OrderedDict()

    def of_groups(self, groups: Sequence[Group], now: int) -> Iterator[tuple[Group, list[str]]]:
        """The connections that can be posted to at `now`, a page at a time, group by group."""
        small = {
            member_pk(group.group_id, 0): group
            for group in groups
            if group.shards == 1 and group.group_id not in self._larger
        }
        if self._statements.suit(len(small)):
            try:
                yield from self._by_statements(small, now)
                together = {group.group_id for group in small.values()}
                groups = [group for group in groups if group.group_id not in together]
            except StatementsRefused:
                log.info("members_read_by_queries", groups=len(small))

        by_id = {group.group_id: group for group in groups}
        for page in self.pages(groups, now):
            if len(page.connection_ids) <= SMALL_MEMBERS_MAX and page.place.connection_id is None:
                self._larger.pop(page.place.group_id, None)
            yield by_id[page.place.group_id], page.connection_ids

    def _by_statements(self, small: Mapping[str, Group], now: int) -> Iterator[tuple[Group, list[str]]]:
        """The connections of groups by their partition keys; notes the groups that are not small."""
        for members in self._statements.read(list(small), now):
            for key, connection_ids in members.items():
                group = small[key]
                if len(connection_ids) > SMALL_MEMBERS_MAX:
                    self._larger[group.group_id] = None
                yield group, connection_ids
        while len(self._larger) > LARGER_GROUPS_MAX:
            self._larger.popitem(last=False)

    def pages(
        self,
        groups: Sequence[Group],
        now: int,
        *,
        after: MemberPlace | None = None,
        until: MemberPlace | None = None,
        joined_before_ms: int | None = None,
    ) -> Iterator[MemberPage]:
        """The connections that can be posted to at `now`, in order, with places to go on from."""

        def start_page(place: MemberPlace) -> StartedCall[MemberPage]:
            return self._start_page(place, now, joined_before_ms)

        reading: deque[StartedCall[MemberPage]] = deque()
        try:
            for group, shard in shards_between(groups, after, until):
                # No id sorts before the empty text.
                goes_on = after is not None and after[:2] == (group.group_id, shard)
                place = after if after and goes_on else MemberPlace(group.group_id, shard, "")
                reading.append(start_page(place))
                if len(reading) == READERS:
                    yield from _with_rest(reading.popleft().result(), start_page)
            while reading:
                yield from _with_rest(reading.popleft().result(), start_page)
        finally:
            for page in reading:
                page.discard()

    def _start_page(
        self, place: MemberPlace, now: int, joined_before_ms: int | None
    ) -> StartedCall[MemberPage]:
        """Start to read a page of a shard's members.

        Consistent: a client with a confirmed subscription gets the next event.
        """
        group_id, shard, connection_id = place
        pk = {"S": member_pk(group_id, shard)}
        parameters: dict[str, Any] = {
            "TableName": self._table,
            "ConsistentRead": True,
            "KeyConditionExpression": "pk = :shard",
            "FilterExpression": "e > :now AND expires_at > :now",
            "ProjectionExpression": "sk",
            "ExpressionAttributeValues": {":shard": pk, ":now": number(now)},
        }
        if joined_before_ms is not None:
            parameters["FilterExpression"] += " AND j < :joined"
            parameters["ExpressionAttributeValues"][":joined"] = number(joined_before_ms)
        if connection_id:
            parameters["ExclusiveStartKey"] = {"pk": pk, "sk": {"S": connection_id}}

        def parse(page: Any) -> MemberPage:
            last = page.get("LastEvaluatedKey")
            return MemberPage(
                [item["sk"]["S"] for item in page["Items"]],
                place._replace(connection_id=last["sk"]["S"] if last else None),
            )

        return start(self._client, "Query", parse, **parameters)


def _with_rest(
    page: MemberPage, start_page: Callable[[MemberPlace], StartedCall[MemberPage]]
) -> Iterator[MemberPage]:
    """A page of a shard, and those after it. Most shards have one."""
    yield page
    while page.place.connection_id is not None:
        page = start_page(page.place).result()
        yield page
