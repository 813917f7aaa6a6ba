"""What the index may not know yet: an item for each connection and topic that changed.

| `pk` | `sk` | attributes |
| --- | --- | --- |
| `p#<0 to 7, by the connection>` | `<connection id>#<topic>` | `g` the group joined (none: left) |
| | | `u` until when it is reachable, `at` when it changed, `expires_at` |
| | | `o` the partitions of members that changed, `v` a token |

It is written in the transaction that changes the membership, and stands for the whole truth of that
connection and topic until the index has it: then index_projector deletes it, if it still has that token.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from realtime_core.aws.dynamodb import ConditionFailed, Item, perform
from realtime_core.connections.base import reachable_until, record_expires_at
from realtime_core.ids import shard_of

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

    from realtime_core.connections.base import Connection

PARTITIONS = 8
"""Outside limit: a partition takes 1,000 writes a second, and a subscription is three of them."""
PREFIX = "p#"
BEHIND_SECONDS = 30
"""When a change has waited for longer, the projector is in trouble: what is pending only grows."""
MARGIN_SECONDS = 60
"""How long an item outlives its connection's record."""


class Pending(NamedTuple):
    """One change that the index may not know."""

    connection_id: str
    topic: str
    group_id: str | None
    """The group that the connection is in, or None where it is in none of the topic."""
    until: int
    """Until when it is reachable, epoch seconds."""
    at: int
    token: str = ""
    partitions: tuple[str, ...] = ()
    """The `pk` of the members that the change touched."""


class Overlay(NamedTuple):
    """All that is pending; `complete` is false where there is more than one page of a partition."""

    items: tuple[Pending, ...] = ()
    complete: bool = True

    def age(self, now: float) -> float:
        """Seconds for which the oldest has waited: how far the index is behind, at most."""
        return max([0.0, *(now - one.at for one in self.items)])


def pending_pk(connection_id: str) -> str:
    """The partition of a connection's items."""
    return f"{PREFIX}{shard_of(connection_id, PARTITIONS)}"


class PendingWrites:
    """Makes the write that goes into the transaction of a change."""

    def __init__(
        self,
        table: str,
        now: Callable[[], float] = time.time,
        token: Callable[[], str] = lambda: os.urandom(9).hex(),
    ) -> None:
        self._table, self._now, self._token = table, now, token

    def put(
        self, connection: Connection, topic: str, partitions: Iterable[str], group_id: str | None
    ) -> dict[str, Any]:
        """The write. It replaces what was pending for the same connection and topic."""
        expires_at = record_expires_at(connection)
        item: Item = {
            "pk": {"S": pending_pk(connection.connection_id)},
            "sk": {"S": f"{connection.connection_id}#{topic}"},
            "u": {"N": str(reachable_until(connection.token_exp, expires_at))},
            "o": {"SS": list(partitions)},
            "v": {"S": self._token()},
            "at": {"N": str(int(self._now()))},
            "expires_at": {"N": str(expires_at + MARGIN_SECONDS)},
        }
        if group_id is not None:
            item["g"] = {"S": group_id}
        return {"Put": {"TableName": self._table, "Item": item}}


def pending_from(item: Item) -> Pending:
    """What an item says. Raises KeyError or ValueError where it is none."""
    connection_id, mark, topic = item["sk"]["S"].partition("#")
    if not mark:
        raise ValueError("the sort key of what is pending has no topic")
    return Pending(
        connection_id,
        topic,
        item["g"]["S"] if "g" in item else None,
        int(item["u"]["N"]),
        int(item["at"]["N"]),
        item.get("v", {"S": ""})["S"],
        tuple(sorted(item.get("o", {"SS": []})["SS"])),
    )


class DynamoPending:
    """What is pending, on DynamoDB."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client, self._table = client, table

    def overlay(self, now: int, *, whole: bool = False) -> Overlay:
        """All that is pending: one consistent query of each partition, all at once.

        With `whole` the items come with their tokens and partitions.
        """
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - for those alone who have Redis

        with ThreadPoolExecutor(PARTITIONS, thread_name_prefix="pending") as pool:
            pages = list(pool.map(lambda number: self._page(number, now, whole=whole), range(PARTITIONS)))
        return Overlay(
            tuple(pending_from(item) for page in pages for item in page["Items"]),
            not any(page.get("LastEvaluatedKey") for page in pages),
        )

    def delete(self, connection_id: str, topic: str, token: str) -> bool:
        """Say that the index knows a change (one write); False where another one has replaced it."""
        try:
            perform(
                lambda: self._client.delete_item(
                    TableName=self._table,
                    Key={"pk": {"S": pending_pk(connection_id)}, "sk": {"S": f"{connection_id}#{topic}"}},
                    ConditionExpression="v = :token",
                    ExpressionAttributeValues={":token": {"S": token}},
                )
            )
        except ConditionFailed:
            return False
        return True

    def _page(self, number: int, now: int, *, whole: bool) -> Any:
        """The first page: where there are more, the index is too far behind to be of use."""
        names = {"#at": "at"}
        return perform(
            lambda: self._client.query(
                TableName=self._table,
                ConsistentRead=True,
                KeyConditionExpression="pk = :partition",
                FilterExpression="expires_at > :now",
                ProjectionExpression="sk, g, u, #at" + (", v, o" if whole else ""),
                ExpressionAttributeNames=names,
                ExpressionAttributeValues={
                    ":partition": {"S": f"{PREFIX}{number}"},
                    ":now": {"N": str(now)},
                },
            )
        )
