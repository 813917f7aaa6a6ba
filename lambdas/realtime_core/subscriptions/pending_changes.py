"""Changes that the index may not have yet: an item for each connection and topic that changed.

| `pk` | `sk` | attributes |
| --- | --- | --- |
| `p#<0 to 7, by connection>` | `<connection id>#<topic>` | `g` the group joined (absent: left) |
| | | `u` until when it is reachable, `at` when it changed, `expires_at` |
| | | `o` the partitions of members that changed, `v` a token |

The transaction that changes a membership writes the item. Until the index has the change, the item overrides
the index for its connection and topic; then index_projector deletes it, if its token is still the same.
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
"""Outside limit: a partition takes 1,000 writes a second, and a subscription costs three."""
PREFIX = "p#"
BEHIND_SECONDS = 30
"""If a change has been pending for longer, the projector fails, and the pending changes only grow."""
MARGIN_SECONDS = 60
"""How long an item outlives the record of its connection."""


class PendingChange(NamedTuple):
    """A change that the index may not have yet."""

    connection_id: str
    topic: str
    group_id: str | None
    """The connection's group of the topic, or None if it has unsubscribed."""
    until: int
    """Until when the connection can be posted to, epoch seconds."""
    at: int
    """When it changed, epoch seconds."""
    token: str = ""
    partitions: tuple[str, ...] = ()
    """The partition keys of the changed members."""


class PendingChanges(NamedTuple):
    """All pending changes; `complete` is false if a partition has more than one page of them."""

    items: tuple[PendingChange, ...] = ()
    complete: bool = True

    def age(self, now: float) -> float:
        """The age of the oldest change in seconds: the most that the index is behind."""
        return max([0.0, *(now - change.at for change in self.items)])


def pending_pk(connection_id: str) -> str:
    """The partition key of a connection's items."""
    return f"{PREFIX}{shard_of(connection_id, PARTITIONS)}"


class PendingWrites:
    """Creates the write that records a change in the transaction that makes it."""

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
        """The write for TransactWriteItems. It replaces a pending change of the same connection and topic."""
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


def pending_from(item: Item) -> PendingChange:
    """The change of an item. Raises KeyError or ValueError if the item is malformed."""
    connection_id, separator, topic = item["sk"]["S"].partition("#")
    if not separator:
        raise ValueError("the sort key of a pending change has no topic")
    return PendingChange(
        connection_id,
        topic,
        item["g"]["S"] if "g" in item else None,
        int(item["u"]["N"]),
        int(item["at"]["N"]),
        item.get("v", {"S": ""})["S"],
        tuple(sorted(item.get("o", {"SS": []})["SS"])),
    )


class DynamoPendingChanges:
    """The pending changes on DynamoDB."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client, self._table = client, table

    def read(self, now: int, *, whole: bool = False) -> PendingChanges:
        """Read all pending changes (one consistent query for each partition, all at once).

        With `whole`, the changes include their tokens and partitions.
        """
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - only functions with Redis need it

        with ThreadPoolExecutor(PARTITIONS, thread_name_prefix="pending") as pool:
            pages = list(pool.map(lambda number: self._page(number, now, whole=whole), range(PARTITIONS)))
        return PendingChanges(
            tuple(pending_from(item) for page in pages for item in page["Items"]),
            not any(page.get("LastEvaluatedKey") for page in pages),
        )

    def delete(self, connection_id: str, topic: str, token: str) -> bool:
        """Delete a change that the index has (one write); False if a later change has replaced it."""
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
        """The first page. If there are more, the index is too far behind to be used."""
        return perform(
            lambda: self._client.query(
                TableName=self._table,
                ConsistentRead=True,
                KeyConditionExpression="pk = :partition",
                FilterExpression="expires_at > :now",
                ProjectionExpression="sk, g, u, #at" + (", v, o" if whole else ""),
                ExpressionAttributeNames={"#at": "at"},
                ExpressionAttributeValues={
                    ":partition": {"S": f"{PREFIX}{number}"},
                    ":now": {"N": str(now)},
                },
            )
        )
