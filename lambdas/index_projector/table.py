"""The truth: what the subscriptions table says at this moment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from index_projector.membership import Listing, Membership, membership
from realtime_core.aws import backoff
from realtime_core.aws.dynamodb import Item, perform, query
from realtime_core.connections.base import reachable_until
from realtime_core.errors import StoreUnavailable

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

GET_MAX = 100
"""Outside limit: BatchGetItem takes at most 100 keys."""
READERS = 8


class Page(NamedTuple):
    """A part of the table: members with until when they are reachable, and groups; where to go on."""

    members: Mapping[Membership, int]
    listings: Sequence[Listing]
    last: Item | None


class Table:
    """Reads the subscriptions table, always consistently."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client, self._table = client, table

    def truth(self, memberships: Sequence[Membership]) -> dict[Membership, int | None]:
        """Until when each is reachable, None where it is no member (a read for each 100)."""
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

        portions = [memberships[start : start + GET_MAX] for start in range(0, len(memberships), GET_MAX)]
        if len(portions) <= 1:
            return self._some(memberships) if memberships else {}
        found: dict[Membership, int | None] = {}
        with ThreadPoolExecutor(min(READERS, len(portions)), thread_name_prefix="truth") as pool:
            for portion in pool.map(self._some, portions):
                found |= portion
        return found

    def members(self, group_id: str, shard: int) -> dict[Membership, int]:
        """All of a shard (one query a page)."""
        pk = Membership(group_id, shard, "").pk
        pages = query(
            self._client,
            TableName=self._table,
            ConsistentRead=True,
            KeyConditionExpression="pk = :pk",
            ProjectionExpression="pk, sk, e, expires_at",
            ExpressionAttributeValues={":pk": {"S": pk}},
        )
        return {membership(pk, item["sk"]["S"]): _until(item) for items, _ in pages for item in items}

    def listings(self, topic: str) -> list[Listing]:
        """All groups of a topic, ended ones that were not swept yet too (one query a page)."""
        pages = query(
            self._client,
            TableName=self._table,
            ConsistentRead=True,
            KeyConditionExpression="pk = :topic",
            ExpressionAttributeValues={":topic": {"S": f"t#{topic}"}},
        )
        return [listing(item) for items, _ in pages for item in items]

    def scan(self, segment: int, segments: int) -> Iterator[Page]:
        """A segment of the whole table, page by page."""
        start: Item | None = None
        while True:
            page = self._page(segment, segments, start)
            yield page
            start = page.last
            if start is None:
                return

    def _page(self, segment: int, segments: int, start: Item | None) -> Page:
        parameters: dict[str, Any] = {
            "TableName": self._table,
            "ConsistentRead": True,
            "Segment": segment,
            "TotalSegments": segments,
            "ProjectionExpression": "pk, sk, e, expires_at, f, n",
        }
        if start:
            parameters["ExclusiveStartKey"] = start
        answer = perform(lambda: self._client.scan(**parameters))
        members: dict[Membership, int] = {}
        listings: list[Listing] = []
        for item in answer["Items"]:
            kind = item["pk"]["S"][:2]
            if kind == "g#":
                members[membership(item["pk"]["S"], item["sk"]["S"])] = _until(item)
            elif kind == "t#":
                listings.append(listing(item))
        return Page(members, listings, answer.get("LastEvaluatedKey") or None)

    def _some(self, memberships: Sequence[Membership]) -> dict[Membership, int | None]:
        found: dict[Membership, int | None] = dict.fromkeys(memberships)
        asked: Any = {
            self._table: {
                "Keys": [{"pk": {"S": one.pk}, "sk": {"S": one.connection_id}} for one in found],
                "ConsistentRead": True,
                "ProjectionExpression": "pk, sk, e, expires_at",
            }
        }
        for _ in backoff.attempts():
            pending = asked
            answer = perform(lambda: self._client.batch_get_item(RequestItems=pending))  # noqa: B023 - called at once
            for item in answer["Responses"].get(self._table, []):
                found[membership(item["pk"]["S"], item["sk"]["S"])] = _until(item)
            asked = answer.get("UnprocessedKeys")
            if not asked:
                return found
        raise StoreUnavailable("DynamoDB left reads of a batch undone")


def listing(item: Item) -> Listing:
    """A group of its registry item. Raises KeyError or ValueError where it is none."""
    return Listing(
        item["pk"]["S"].removeprefix("t#"),
        item["sk"]["S"],
        int(item["expires_at"]["N"]),
        int(item["n"]["N"]),
        item["f"]["S"],
    )


def _until(item: Item) -> int:
    return reachable_until(int(item["e"]["N"]), int(item["expires_at"]["N"]))
