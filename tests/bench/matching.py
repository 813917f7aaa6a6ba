"""Matching one event with a million subscriptions: the index against the guide's scan."""

from __future__ import annotations

import gc
import random
from decimal import Decimal
from time import perf_counter, process_time
from typing import Any

from broadcast.filter_index import FilterIndex
from realtime_core.filters.filters import Attributes, parse_filter
from realtime_core.subscriptions.base import Group
from tests.bench.report import Ratio, Report
from tests.matching_oracle import matching_groups

TITLE = "One event against many subscriptions, connection ids collected"
ROUNDS = 5
INDEX_REPEATS = 20
CATEGORIES = [f"category-{number}" for number in range(12)]
BRANDS = [f"brand-{number}" for number in range(40)]
EVENT = {"category": "category-3", "brand": "brand-7", "price": 480.0, "discount": 35, "inStock": True}


def filters(count: int) -> list[dict[str, Any]]:
    """Return `count` distinct filters as users choose them: a category, mostly with bounds or a brand."""
    chance = random.Random(7)
    raws: dict[str, dict[str, Any]] = {}
    while len(raws) < count:
        raw: dict[str, Any] = {}
        if chance.random() < 0.9:
            raw["category"] = chance.choice(CATEGORIES)
        if chance.random() < 0.7:
            raw["maxPrice"] = chance.randrange(20, 2000, 5)
        if chance.random() < 0.5:
            raw["minDiscount"] = chance.randrange(5, 80)
        if chance.random() < 0.2:
            raw["brand"] = chance.sample(BRANDS, chance.randint(1, 3))
        if chance.random() < 0.2:
            raw["inStock"] = True
        raws.setdefault(parse_filter(raw).canonical, raw)
    return list(raws.values())


def guides_scan(items: list[dict[str, Any]], topic: str, event: dict[str, Any]) -> list[str]:
    """Return the matching connections as the guide does: compare the filters of each with the event."""
    matching = []
    for item in items:
        subscription = item["subscriptions"].get(topic)
        if subscription is not None and guides_comparison(subscription["filters"], event):
            matching.append(item["connectionId"])
    return matching


def guides_comparison(wanted: dict[str, Any], event: dict[str, Any]) -> bool:
    """Return whether an event matches one connection's filters."""
    for key, value in wanted.items():
        if key == "minDiscount":
            if event.get("discount", 0) < value:
                return False
        elif key == "maxPrice":
            if event.get("price", float("inf")) > value:
                return False
        elif isinstance(value, list):
            if event.get(key) not in value:
                return False
        elif event.get(key) != value:
            return False
    return True


def stored(raw: dict[str, Any]) -> dict[str, Any]:
    """Return a filter as boto3's resource reads it from a table: with its numbers as Decimal."""
    return {key: Decimal(value) if type(value) is int else value for key, value in raw.items()}


def run(*, quick: bool) -> Report:
    """Compare the variants with 1,000,000 subscriptions of 10,000 filters (a tenth of each if `quick`)."""
    distinct, subscribers = (1_000, 100_000) if quick else (10_000, 1_000_000)
    raws = filters(distinct)
    groups = [Group(str(number), "deals", parse_filter(raw).canonical) for number, raw in enumerate(raws)]

    started = process_time()
    index = FilterIndex()
    for group in groups:
        index.add(group)
    build_seconds = process_time() - started
    update_seconds = _seconds(lambda: (index.discard(groups[0]), index.add(groups[0])), 200) / 2

    items = [
        {
            "connectionId": f"L{number:014}=",
            "userId": f"user-{number}",
            "subscriptions": {"deals": {"filters": stored(raws[number % distinct])}},
        }
        for number in range(subscribers)
    ]
    # Members are read group by group.
    members = {
        str(group): [f"L{number:014}=" for number in range(group, subscribers, distinct)]
        for group in range(distinct)
    }

    def collect(matched: list[Group]) -> list[str]:
        ids: list[str] = []
        for group in matched:
            ids += members[group.group_id]
        return ids

    def by_index() -> list[str]:
        return collect(index.match(Attributes({}, EVENT)))

    def once_per_filter() -> list[str]:
        return collect(matching_groups(groups, Attributes({}, EVENT)))

    expected = sorted(guides_scan(items, "deals", EVENT))
    assert sorted(by_index()) == sorted(once_per_filter()) == expected, (
        "the variants match different subscriptions"
    )

    rounds: dict[str, list[float]] = {"scan": [], "filter": [], "index": [], "match": []}
    gc.disable()  # a garbage collection over millions of items would slow down one of the variants
    for _ in range(2 if quick else ROUNDS):
        rounds["scan"].append(_seconds(lambda: guides_scan(items, "deals", EVENT)))
        rounds["filter"].append(_seconds(once_per_filter, 3))
        rounds["index"].append(_seconds(by_index, INDEX_REPEATS))
        rounds["match"].append(_seconds(lambda: index.match(Attributes({}, EVENT)), INDEX_REPEATS))
    gc.enable()

    def times_faster(other: str) -> tuple[float, ...]:
        return tuple(slow / fast for slow, fast in zip(rounds[other], rounds["index"], strict=True))

    return Report(
        title=TITLE,
        ratios=(
            Ratio("index against the guide's scan", times_faster("scan"), target=None if quick else 500),
            Ratio("index against once per distinct filter", times_faster("filter")),
        ),
        absolutes={
            "guide's scan (ms)": _ms(rounds["scan"]),
            "once per distinct filter, ids collected (ms)": _ms(rounds["filter"]),
            "index, ids collected (ms)": _ms(rounds["index"]),
            "index, groups alone (ms)": _ms(rounds["match"]),
            "building the index (ms)": _ms([build_seconds]),
            "one change of the index (µs)": (update_seconds * 1e6,),
        },
        notes=(f"{subscribers:,} subscriptions of {distinct:,} filters, {len(expected):,} of them match.",),
    )


def _seconds(call: Any, repeats: int = 1) -> float:
    started = perf_counter()
    for _ in range(repeats):
        call()
    return (perf_counter() - started) / repeats


def _ms(seconds: list[float]) -> tuple[float, ...]:
    return tuple(value * 1000 for value in seconds)
