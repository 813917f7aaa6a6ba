"""Functions that start at once, and each read the whole registry of a topic from partitions that throttle.

The real reader, on a table that admits 3,000 read units a second for each partition key (the model of the
local cloud). "Before" is one partition, read in turn, with the retries of any other read.
"""

from __future__ import annotations

import math
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from local_cloud.limits.item_sizes import measure_item
from local_cloud.limits.settings import Limits
from local_cloud.limits.throughput import READ, Partition, Throughput, Use, count_read_units
from realtime_core.aws import backoff
from realtime_core.aws.dynamodb import query
from realtime_core.aws.errors import Refused
from realtime_core.errors import StoreUnavailable
from realtime_core.ids import group_id
from realtime_core.subscriptions.registry_keys import (
    PARTITIONS,
    PARTITIONS_KEY,
    partition_of,
    registry_pk,
)
from realtime_core.subscriptions.registry_reader import read_registry
from tests.bench.report import Ratio, Report

TITLE = "Functions that start at once, each reading 100,000 groups"
TOPIC = "all-deals"
LIMITS = Limits(dynamodb_partition_read_units=3_000)
PAGE_BYTES = 1024 * 1024
PAGE_SECONDS = 0.015
"""How long a page of 1 MB takes without throttling; its decoding, which is processor time, not included."""
GIVEN_SECONDS = 25.0
"""How long a function may take for it: its timeout is 30 s."""


class Page(NamedTuple):
    """Items of one answer."""

    items: list[dict[str, Any]]
    units: float


class Registry:
    """The client of a table with these partitions, which retries as the service's own client does."""

    def __init__(self, pages: dict[str, list[Page]]) -> None:
        self._pages = pages
        self._throughput = Throughput(time.monotonic)
        self._lock = threading.Lock()
        self.throttled = 0

    def query(
        self,
        *,
        ExpressionAttributeValues: dict[str, Any],  # noqa: N803 - AWS's name
        ExclusiveStartKey: dict[str, int] | None = None,  # noqa: N803
        **_: Any,
    ) -> dict[str, Any]:
        partition = ExpressionAttributeValues[":topic"]["S"]
        number = ExclusiveStartKey["page"] if ExclusiveStartKey else 0
        page = self._pages[partition][number]
        for _attempt in backoff.attempts():
            time.sleep(PAGE_SECONDS)
            with self._lock:
                use = Use(Partition("subscriptions", partition), page.units)
                if self._throughput.admit(READ, [use], "Query", LIMITS) is None:
                    break
                self.throttled += 1
        else:
            raise Refused("Query", "ThrottlingException", 400, {})

        more = number + 1 < len(self._pages[partition])
        return {"Items": list(page.items), **({"LastEvaluatedKey": {"page": number + 1}} if more else {})}


class Run(NamedTuple):
    """What functions took to read everything, and how many could not."""

    seconds: float
    failed: int
    throttled: int


def run(*, quick: bool) -> Report:
    """Let 1, 10 and 50 functions read the registry, as it is partitioned now and as it was."""
    groups = 10_000 if quick else 100_000
    several, one = layout(groups, PARTITIONS), layout(groups, 1)
    units = sum(page.units for pages in several.values() for page in pages)

    now = {count: read_at_once(several, count) for count in (1, 10, 50)}
    before = {count: read_at_once(one, count, before=True) for count in (1, 10, 50)}

    absolutes = {"read units for each function": (units,)}
    for when, runs in (("now", now), ("before", before)):
        for count, result in runs.items():
            absolutes[f"{count} functions, {when}: until the last has all (s)"] = (result.seconds,)
            absolutes[f"{count} functions, {when}: could not"] = (result.failed,)
            absolutes[f"{count} functions, {when}: throttled calls"] = (result.throttled,)
    in_time = GIVEN_SECONDS / now[50].seconds if not now[50].failed else 0.0
    return Report(
        title=TITLE,
        ratios=(Ratio("time that a function has against the last of 50", (in_time,), target=1),),
        absolutes=absolutes,
        notes=(f"{groups:,} groups in {PARTITIONS} partitions, which admit 48,000 units/s; before, in one.",),
    )


def layout(groups: int, partitions: int) -> dict[str, list[Page]]:
    """The pages of a registry with so many groups, of an ordinary size, in so many partitions."""
    items: dict[str, list[dict[str, Any]]] = {registry_pk(TOPIC, number): [] for number in range(partitions)}
    if partitions > 1:
        items[registry_pk(TOPIC)].append({"sk": {"S": PARTITIONS_KEY}, "n": {"N": str(partitions)}})
    for number in range(groups):
        text = (
            f'{{"brand":["brand-{number % 997}","brand-{number % 89}"],"category":"category-{number % 50}"'
            f',"inStock":true,"maxPrice":{number},"region":"eu","title":{{"contains":"sale {number}"}}}}'
        )
        key = group_id(TOPIC, text)
        item = {
            "pk": {"S": registry_pk(TOPIC)},
            "sk": {"S": key},
            "f": {"S": text},
            "n": {"N": "1"},
            "expires_at": {"N": "1795382480"},
        }
        items[registry_pk(TOPIC, partition_of(key, partitions))].append(item)
    return {pk: list(_pages(of_partition)) for pk, of_partition in items.items()}


def _pages(items: list[dict[str, Any]]) -> list[Page]:
    size = sum(map(measure_item, items))
    count = max(1, math.ceil(size / PAGE_BYTES))
    share = math.ceil(len(items) / count)
    parts = [items[start : start + share] for start in range(0, len(items), share)]
    return [Page(part, count_read_units(sum(map(measure_item, part)), consistent=True)) for part in parts]


def read_at_once(pages: dict[str, list[Page]], functions: int, *, before: bool = False) -> Run:
    """Let so many functions read everything; each counts what it has read."""
    registry: Any = Registry(pages)
    expected = sum(len(page.items) for of_partition in pages.values() for page in of_partition)

    def function(_: int) -> bool:
        try:
            return read_before(registry) == expected if before else read_now(registry) == expected - 1
        except StoreUnavailable:
            return False

    started = time.perf_counter()
    with ThreadPoolExecutor(functions) as pool:
        succeeded = list(pool.map(function, range(functions)))
    return Run(time.perf_counter() - started, succeeded.count(False), registry.throttled)


def read_now(registry: Any) -> int:
    return sum(len(items) for items in read_registry(registry, "subscriptions", TOPIC))


def read_before(registry: Any) -> int:
    pages = query(
        registry,
        TableName="subscriptions",
        ConsistentRead=True,
        KeyConditionExpression="pk = :topic",
        ExpressionAttributeValues={":topic": {"S": registry_pk(TOPIC)}},
    )
    return sum(len(items) for items, _ in pages)
