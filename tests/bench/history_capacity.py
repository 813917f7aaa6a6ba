"""How many events a second the history admits, and what a resume costs, however long events are in flight.

The real code runs on a store that counts capacity units by item and partition, as DynamoDB bills and limits
them: 1,000 write units and 3,000 read units a second for each. "Before" is the first release, which kept what
is in flight in the counter's item: computed from that item's size, two writes an event.
"""

from __future__ import annotations

import math
import os
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any, cast

from local_cloud.limits.item_sizes import measure_item
from message_router.resume import resume
from realtime_core.aws.dynamodb import number
from realtime_core.filters.filters import parse_filter
from realtime_core.history.base import EventPage, Finished, History, HistoryBounds, NewEvent, StoredEvent
from realtime_core.history.dynamodb_admission import DynamoAdmission
from realtime_core.history.dynamodb_items import in_flight_key
from tests.bench.report import Ratio, Report

TITLE = "The history's capacity, modelled"
WRITE_UNITS, READ_UNITS = 1_000, 3_000
FLIGHT_SECONDS = (0.1, 1.0, 10.0, 60.0)
BATCHES = (1, 10, 49)
READ_SECONDS = 0.005
NOW_MS = 1_795_382_480_000
DAY_SECONDS, RATE = 86_400, 10
"""Resumes: a day of events, at so many a second."""


class CountingStore:
    """DynamoDB's client, as far as publishing calls it; `in_flight` batches are there already."""

    def __init__(self, in_flight: int) -> None:
        self.written: Counter[str] = Counter()
        self.read: Counter[str] = Counter()
        self._position = NOW_MS * 1000
        self._in_flight = [
            {
                **in_flight_key((self._position - count) * 10**15 + count),
                "e": {"S": f"0c9b1f6e-7d0a-4a4e-9d51-{count:012}"},
                "batch_size": number(1),
                "began": number(NOW_MS // 1000),
                "until": number(NOW_MS // 1000 + 900),
                "expires_at": number(NOW_MS // 1000 + 87_300),
            }
            for count in range(in_flight, 0, -1)
        ]

    def batch_get_item(self, **_: Any) -> dict[str, Any]:
        self.read["counter"] += 1
        return {"Responses": {}}

    def put_item(self, *, Item: dict[str, Any], **_: Any) -> dict[str, Any]:  # noqa: N803 - AWS's name
        self.written[Item["pk"]["S"]] += math.ceil(measure_item(Item) / 1024)
        return {}

    def update_item(self, *, Key: dict[str, Any], **_: Any) -> dict[str, Any]:  # noqa: N803 - AWS's name
        self.written[Key["pk"]["S"]] += 1
        self._position += 1
        return {"Attributes": {"n": number(self._position), "done": {"NS": ["1"]}}}

    def query(self, *, Limit: int, **_: Any) -> dict[str, Any]:  # noqa: N803 - AWS's name
        page = self._in_flight[:Limit]
        self.read["inflight"] += max(1, math.ceil(sum(map(measure_item, page)) / 4096))
        return {"Items": page}

    def transact_write_items(self, **_: Any) -> dict[str, Any]:
        return {}

    def batch_write_item(self, *, RequestItems: dict[str, Any], **_: Any) -> dict[str, Any]:  # noqa: N803 - AWS's name
        for request in RequestItems["history"]:
            self.written[request["PutRequest"]["Item"]["pk"]["S"]] += 1
        return {}

    def delete_item(self, *, Key: dict[str, Any], **_: Any) -> dict[str, Any]:  # noqa: N803 - AWS's name
        self.written[Key["pk"]["S"]] += 1
        return {}


def batches_per_second(batch: int, flight_seconds: float) -> float:
    """Return how many batches a second the hottest item or partition admits."""
    rate = 1.0
    for _ in range(12):
        store = CountingStore(math.ceil(rate * flight_seconds))
        admission = DynamoAdmission(store, "history", os.urandom)  # type: ignore[arg-type]
        claims = admission.claim_all([NewEvent(f"e{n}", "{}") for n in range(batch)], NOW_MS)
        admission.finish_all([Finished(claim, "{}", in_flight=False) for claim in claims])  # type: ignore[arg-type]
        hottest_write = max(store.written["counter"], store.written["inflight"])
        rate = min(WRITE_UNITS / hottest_write, READ_UNITS / max(store.read.values()))
    return rate


def events_per_second_before(flight_seconds: float) -> float:
    """Return what the first release admitted: each event wrote the counter's item twice, with its map."""
    low, high = 0.0, 1_000.0
    while high - low > 0.1:
        rate = (low + high) / 2
        units = math.ceil((100 + 26.6 * rate * flight_seconds) / 1024)
        low, high = (rate, high) if 2 * units * rate <= WRITE_UNITS else (low, rate)
    return low


class DayOfEvents:
    """A history of a day, ten events a second, that counts reads."""

    def __init__(self) -> None:
        self.reads = 0
        self._newest = NOW_MS * 1000
        self._floor = self._newest - DAY_SECONDS * RATE

    def bounds(self) -> HistoryBounds:
        self.reads += 1
        return HistoryBounds(self._newest, self._floor, whole=False)

    def last_event_until(self, position: int, floor: int) -> StoredEvent:
        self.reads += 1
        return self._event(position)

    def events(self, first: int, last: int) -> Iterator[EventPage]:
        for bucket in range(first // 100, last // 100 + 1):
            self.reads += 1
            start, end = max(first, bucket * 100), min(last, bucket * 100 + 99)
            yield EventPage([self._event(position) for position in range(start, end + 1)], end)

    def _event(self, position: int) -> StoredEvent:
        return StoredEvent(position, 0, f"e{position}", "dealUpdate", "books", {"price": 10}, {})


def resume_from(seconds_ago: int) -> tuple[int, float]:
    """Return the reads and milliseconds of the first page of a resume, each read taking 5 ms."""
    history = DayOfEvents()
    started = time.process_time()
    since = NOW_MS * 1000 - seconds_ago * RATE
    resume(cast("History", history), since, "books", parse_filter({}), NOW_MS // 1000)
    return history.reads, (time.process_time() - started + history.reads * READ_SECONDS) * 1000


def resume_before(seconds_ago: int) -> int:
    """Return the reads of the first release: one for each hundred positions up to the first with events."""
    empty = max(0, seconds_ago - DAY_SECONDS) * RATE // 100
    return 3 + empty + resume_from(min(seconds_ago, DAY_SECONDS))[0] - 3


def run(*, quick: bool) -> Report:
    """Compare both for each time in flight, and resumes from a minute, a day and three days ago."""
    ratios, absolutes = [], {}
    for seconds in FLIGHT_SECONDS:
        before = events_per_second_before(seconds)
        absolutes[f"before, {seconds:g} s in flight, events/s"] = (before,)
        for batch in BATCHES:
            after = batches_per_second(batch, seconds) * batch
            absolutes[f"batches of {batch}, {seconds:g} s in flight, events/s"] = (after,)
            ratios.append(
                Ratio(f"batches of {batch}, {seconds:g} s in flight", (after / before,), target=1.0)
            )
    for name, ago in (("a minute", 60), ("a day", DAY_SECONDS - 1), ("three days", 3 * DAY_SECONDS)):
        reads, milliseconds = resume_from(ago)
        absolutes[f"resume from {name} ago, reads"] = (float(reads),)
        absolutes[f"resume from {name} ago, ms"] = (milliseconds,)
        ratios.append(Ratio(f"resume from {name} ago, reads", (resume_before(ago) / reads,)))
    notes = ("events/s that the hottest item or partition admits; nothing else limits them here",)
    return Report(TITLE, tuple(ratios), absolutes, notes)
