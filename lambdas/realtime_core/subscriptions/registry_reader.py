"""Reads the registry of a topic: page by page, and the partitions of a topic with many groups in parallel.

Many processes may begin to read a large topic at once, such as after a deployment. So each begins with
another partition, and a read that is throttled is tried again for longer than others are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from realtime_core.aws import backoff
from realtime_core.aws.dynamodb import Item, perform
from realtime_core.subscriptions.registry_keys import PARTITIONS_KEY, registry_pk

if TYPE_CHECKING:
    from concurrent.futures import Future

    from types_boto3_dynamodb.client import DynamoDBClient

    Page = tuple[list[Item], Item | None]

READERS = 8
"""Pages that are read, or wait to be taken, at once: this bounds the memory of a read."""
THROTTLED_ATTEMPTS = 20
"""With the client's own attempts in each, half a minute and more: longer than a function runs."""


def read_registry(client: DynamoDBClient, table: str, topic: str, **filtered: Any) -> Iterator[list[Item]]:
    """Yield the items of all groups of a topic, page by page (one consistent query each).

    A group may come twice, if it was listed before the topic had several partitions. `filtered` has the
    parameters of a FilterExpression, if any.
    """
    values: Item = filtered.pop("ExpressionAttributeValues", {})

    def read(partition: int, start: Item | None) -> Page:
        parameters: dict[str, Any] = {
            "TableName": table,
            "ConsistentRead": True,
            "KeyConditionExpression": "pk = :topic",
            "ExpressionAttributeValues": {":topic": {"S": registry_pk(topic, partition)}, **values},
            **filtered,
        }
        if start is not None:
            parameters["ExclusiveStartKey"] = start
        page = perform(lambda: client.query(**parameters), THROTTLED_ATTEMPTS)
        return page["Items"], page.get("LastEvaluatedKey") or None

    partitions, start = 1, None
    while True:
        items, start = read(0, start)
        if items and items[0]["sk"]["S"] == PARTITIONS_KEY:
            partitions = int(items.pop(0)["n"]["N"])
        yield items
        if start is None:
            break
    if partitions > 1:
        yield from _read_in_parallel(read, partitions)


def _read_in_parallel(read: Any, partitions: int) -> Iterator[list[Item]]:
    """Yield the pages of all partitions but the first."""
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - only topics with many groups need it

    unread: deque[tuple[int, Item | None]] = deque((partition, None) for partition in range(1, partitions))
    unread.rotate(int(backoff.jitter() * partitions))
    with ThreadPoolExecutor(READERS, thread_name_prefix="registry") as pool:
        reading: deque[tuple[int, Future[Page]]] = deque()
        while unread or reading:
            while unread and len(reading) < READERS:
                partition, start = unread.popleft()
                reading.append((partition, pool.submit(read, partition, start)))
            partition, page = reading.popleft()
            items, last = page.result()
            if last is not None:
                unread.appendleft((partition, last))
            yield items
