"""Consistent reads of the subscriptions table, which is the truth that the index follows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from index_projector.membership import Listing, Membership, parse_membership
from realtime_core.aws import backoff
from realtime_core.aws.dynamodb import Item, perform, query
from realtime_core.connections.base import reachable_until
from realtime_core.errors import StoreUnavailable
from realtime_core.subscriptions.registry_keys import PARTITIONS_KEY, topic_of
from realtime_core.subscriptions.registry_reader import read_registry

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

GET_MAX = 100
"""Outside limit: BatchGetItem takes at most 100 keys."""
READERS = 8


class Page(NamedTuple):
    """A page of the table: members with until when they are reachable, groups, and the last key read."""

    members: Mapping[Membership, int]
    listings: Sequence[Listing]
    last: Item | None


class Table:
    """Reads the subscriptions table, always consistently."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client, self._table = client, table

    def read_memberships(self, memberships: Sequence[Membership]) -> dict[Membership, int | None]:
        """Until when each is reachable, None if it is not a member (one read for each 100)."""
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

        batches = [memberships[start : start + GET_MAX] for start in range(0, len(memberships), GET_MAX)]
        if len(batches) <= 1:
            return self._read_batch(memberships) if memberships else {}

        found: dict[Membership, int | None] = {}
        with ThreadPoolExecutor(min(READERS, len(batches)), thread_name_prefix="truth") as pool:
            for batch in pool.map(self._read_batch, batches):
                found |= batch
        return found

    def members(self, group_id: str, shard: int) -> dict[Membership, int]:
        """All members of a shard, until when each is reachable (one query for each page)."""
        pk = Membership(group_id, shard, "").pk
        pages = query(
            self._client,
            TableName=self._table,
            ConsistentRead=True,
            KeyConditionExpression="pk = :pk",
            ProjectionExpression="pk, sk, e, expires_at",
            ExpressionAttributeValues={":pk": {"S": pk}},
        )
        return {parse_membership(pk, item["sk"]["S"]): _until(item) for items, _ in pages for item in items}

    def listings(self, topic: str) -> list[Listing]:
        """All groups of a topic, even ended ones that are not deleted yet (one query for each page)."""
        pages = read_registry(self._client, self._table, topic)
        return [parse_listing(item) for items in pages for item in items]

    def scan(self, segment: int, segments: int) -> Iterator[Page]:
        """Yield a segment of the whole table, page by page."""
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
        response = perform(lambda: self._client.scan(**parameters))

        members: dict[Membership, int] = {}
        listings: list[Listing] = []
        for item in response["Items"]:
            kind = item["pk"]["S"][:2]
            if kind == "g#":
                members[parse_membership(item["pk"]["S"], item["sk"]["S"])] = _until(item)
            elif kind == "t#" and item["sk"]["S"] != PARTITIONS_KEY:
                listings.append(parse_listing(item))
        return Page(members, listings, response.get("LastEvaluatedKey") or None)

    def _read_batch(self, memberships: Sequence[Membership]) -> dict[Membership, int | None]:
        found: dict[Membership, int | None] = dict.fromkeys(memberships)
        request: Any = {
            self._table: {
                "Keys": [
                    {"pk": {"S": membership.pk}, "sk": {"S": membership.connection_id}}
                    for membership in found
                ],
                "ConsistentRead": True,
                "ProjectionExpression": "pk, sk, e, expires_at",
            }
        }

        # DynamoDB returns the keys that it had no capacity for: ask for those again.
        for _ in backoff.attempts():
            current = request
            response = perform(lambda: self._client.batch_get_item(RequestItems=current))  # noqa: B023 - called at once
            for item in response["Responses"].get(self._table, []):
                found[parse_membership(item["pk"]["S"], item["sk"]["S"])] = _until(item)
            request = response.get("UnprocessedKeys")
            if not request:
                return found
        raise StoreUnavailable("DynamoDB left reads of a batch undone")


def parse_listing(item: Item) -> Listing:
    """The group of an item of the registry. Raises KeyError or ValueError if the item is malformed."""
    return Listing(
        topic_of(item["pk"]["S"]),
        item["sk"]["S"],
        int(item["expires_at"]["N"]),
        int(item["n"]["N"]),
        item["f"]["S"],
    )


def _until(item: Item) -> int:
    return reachable_until(int(item["e"]["N"]), int(item["expires_at"]["N"]))
