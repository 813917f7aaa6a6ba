"""Events in batches: events and jobs a second of one instance, posts, and the relay, on calls that take time.

The code of `broadcast`, the relay and `delivery` is the real one. DynamoDB and SQS answer after five
milliseconds, posts after ten, and direct posts keep to the share of an instance by the stack's defaults.
"Before" repeats what the release before did: an event a call, frames posted one after the other, a record of
each chunk. What the HTTP clients cost is not in it.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from broadcast.group_index import GroupIndex
from broadcast.inboxes import Inboxes
from broadcast.publisher import Publisher, Submission
from broadcast.subscribers import Subscribers
from realtime_core.aws.dynamodb import number
from realtime_core.concurrency import map_concurrently
from realtime_core.connections.base import Connection
from realtime_core.connections.memory import MemoryConnections
from realtime_core.history.dynamodb_admission import DynamoAdmission
from realtime_core.history.dynamodb_chunks import DynamoChunks
from realtime_core.messages.memory import MemoryMessages
from realtime_core.push.base import DeliveryJob, PostReport
from realtime_core.push.management_api.pacer import DIRECT_BURST_SECONDS, Pacer
from realtime_core.push.memory import MemoryDeliveries
from realtime_core.push.planning import frame_batches
from realtime_core.push.pusher import Pusher
from realtime_core.subscriptions.base import Group
from realtime_core.subscriptions.memory import MemorySubscriptions
from realtime_core.wire.events import parse_event
from redis_relay.batching import EventBatcher, items_in_work
from redis_relay.broadcast_client import PublishResult, PublishStatus
from tests.bench.history_capacity import CountingStore
from tests.bench.report import Ratio, Report

TITLE = "Events in batches"
CALL_SECONDS, POST_SECONDS = 0.005, 0.010
INSTANCES, DIRECT_POSTS_PER_SECOND = 10, 100
"""Of `broadcast`, by default."""
DELIVERY_INSTANCES, QUEUE_BATCH = 2, 10
PARALLEL = 4
"""Calls of `broadcast` by the relay, by default."""
NOW = 1_795_382_480
SECONDS = 2.0
"""How long a rate is measured."""


class SlowStore(CountingStore):
    """DynamoDB's client, as far as publishing and counting chunks call it; answers after CALL_SECONDS."""

    def __init__(self) -> None:
        super().__init__(in_flight=0)

    def __getattribute__(self, name: str) -> Any:
        attribute = super().__getattribute__(name)
        if name.endswith(("_item", "_items", "query")):

            def call(**parameters: Any) -> Any:
                time.sleep(CALL_SECONDS)
                return attribute(**parameters)

            return call
        return attribute

    def update_item(self, *, Key: dict[str, Any], **more: Any) -> dict[str, Any]:  # noqa: N803 - AWS's name
        response = super().update_item(Key=Key, **more)
        if Key["pk"]["S"].startswith("c#"):
            part = {"batch_id": number(1), "batch_size": number(1), "positions": {"NS": ["1"]}}
            response["Attributes"] |= {"expected": number(1), "settles": {"L": [{"M": part}]}}
        return response


class SlowSubscriptions(MemorySubscriptions):
    """Subscriptions whose queries answer after CALL_SECONDS."""

    def announced(
        self, topic: str, since: int, known: Callable[[str], Group | None] | None = None
    ) -> list[Group]:
        """The new groups of a topic."""
        time.sleep(CALL_SECONDS)
        return super().announced(topic, since, known)

    def members(self, groups: Sequence[Group], now: int) -> Iterator[tuple[Group, list[str]]]:
        """The members of groups, whose shards are read side by side."""
        time.sleep(CALL_SECONDS)
        yield from super().members(groups, now)


class SlowDeliveries(MemoryDeliveries):
    """The deliveries queue, which answers after CALL_SECONDS."""

    def send(self, jobs: Sequence[DeliveryJob], delay_seconds: int = 0) -> None:
        """Queue jobs."""
        time.sleep(CALL_SECONDS)
        super().send(jobs, delay_seconds)


class SlowApi:
    """`ManagementApi` that answers after POST_SECONDS; keeps to a rate if it has one."""

    def __init__(self, posts_per_second: float | None = None) -> None:
        self.posts = 0
        self._pacer = Pacer(posts_per_second, DIRECT_BURST_SECONDS) if posts_per_second else None
        self._lock = threading.Lock()

    def admits(self, posts: int) -> bool:
        """Whether so many posts are within the rate."""
        return self._pacer is None or self._pacer.admits(posts, time.monotonic())

    def post(self, payload: str, connection_ids: Sequence[str], budget_seconds: float) -> PostReport:
        """Post one payload."""
        return self.post_all([(payload, connection_ids)], budget_seconds)[0]

    def post_all(self, posts: Sequence[tuple[str, Sequence[str]]], _budget: float) -> list[PostReport]:
        """Post payloads side by side."""
        count = sum(len(connection_ids) for _, connection_ids in posts)
        with self._lock:
            self.posts += count
            for _ in range(count if self._pacer else 0):
                self._pacer.take(time.monotonic())  # type: ignore[union-attr]
        time.sleep(POST_SECONDS)
        return [PostReport(delivered=tuple(connection_ids)) for _, connection_ids in posts]


class Instance:
    """One instance of `broadcast`, with topics of `audience` subscribers each."""

    def __init__(self, audience: int, topics: int = 10, posts_per_second: float | None = None) -> None:
        connections = MemoryConnections()
        subscriptions = SlowSubscriptions(connections)
        self.api, self.deliveries = SlowApi(posts_per_second), SlowDeliveries()
        self._topics, self._published = topics, 0
        for person in range(topics * audience):
            connections.add(Connection(f"c{person}", f"u{person}", NOW, NOW + 9_999))
            subscriptions.subscribe(f"c{person}", f"t{person % topics}", "{}", NOW)
        self.publisher = Publisher(
            subscribers=Subscribers(subscriptions, GroupIndex(subscriptions)),
            inboxes=Inboxes(MemoryMessages(retention_days=30), connections),
            admission=DynamoAdmission(SlowStore(), "history", os.urandom),  # type: ignore[arg-type]
            deliveries=self.deliveries,
            pusher=Pusher(self.api, connections, subscriptions, self.deliveries),  # type: ignore[arg-type]
            direct_max=100,
            now=lambda: NOW,
        )

    def publish(self, count: int) -> None:
        """Publish so many events together."""
        events = []
        for _ in range(count):
            self._published += 1
            topic = f"t{self._published % self._topics}"
            event = parse_event({"messageType": "deal", "topic": topic, "data": {"price": 9}})
            events.append(Submission(event, f"e{self._published}"))
        results = self.publisher.publish_all(events)
        assert not any(isinstance(result, Exception) for result in results), results


def per_second(call: Callable[[], int], seconds: float) -> float:
    """How much a second calls do, each of which returns how much it did."""
    call()
    started, done = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        done += call()
    return done / (time.perf_counter() - started)


def events_per_second(batch: int, audience: int, seconds: float) -> float:
    """Events a second of a deployment whose instances each publish batch after batch."""
    instance = Instance(audience, posts_per_second=DIRECT_POSTS_PER_SECOND)

    def publish() -> int:
        instance.publish(batch)
        return batch

    return INSTANCES * per_second(publish, seconds)


def posts_for_twenty_events(batch: int) -> int:
    """Posts that bring twenty events to the same thousand people, published `batch` at a time."""
    instance, posting = Instance(1_000, topics=1), SlowApi()
    connections = MemoryConnections()
    pusher = Pusher(posting, connections, MemorySubscriptions(connections), MemoryDeliveries())  # type: ignore[arg-type]
    for _ in range(20 // batch):
        instance.publish(batch)
        jobs, instance.deliveries.queued = instance.deliveries.jobs, []
        pusher.push_all(jobs, 20)
    return instance.api.posts + posting.posts


async def relayed_per_second(seconds: float, *, batched: bool) -> float:
    """Events a second that the relay passes on, with more waiting than it can take."""
    instances: list[Instance] = [Instance(1) for _ in range(PARALLEL)]
    free = list(instances)
    done: Counter[str] = Counter()
    loop = asyncio.get_running_loop()

    with ThreadPoolExecutor(PARALLEL) as pool:

        async def publish_all(events: Sequence[bytes]) -> list[PublishResult]:
            instance = free.pop()
            await loop.run_in_executor(pool, instance.publish, len(events))
            free.append(instance)
            if time.perf_counter() < until:
                done["events"] += len(events)
            return [PublishResult(PublishStatus.ACCEPTED)] * len(events)

        batcher, slots = EventBatcher(publish_all, PARALLEL), asyncio.Semaphore(PARALLEL)

        async def work() -> None:
            while time.perf_counter() < until:
                if batched:
                    await batcher.publish([b"{}"])
                else:
                    async with slots:
                        await publish_all([b"{}"])

        until = time.perf_counter() + seconds
        await asyncio.gather(*(work() for _ in range(items_in_work(PARALLEL))))
    return done["events"] / seconds


def jobs_per_second(seconds: float, *, together: bool) -> float:
    """Jobs a second of a deployment's `delivery`, each of an event of its own for 20 connections."""
    api, chunks = SlowApi(), DynamoChunks(SlowStore(), "history")  # type: ignore[arg-type]
    connections = MemoryConnections()
    pusher = Pusher(
        api,  # type: ignore[arg-type]
        connections,
        MemorySubscriptions(connections),
        MemoryDeliveries(),
        chunks=chunks,
    )
    jobs = [
        DeliveryJob(
            '{"n":1}', tuple(f"c{job}-{n}" for n in range(20)), "deal", f"e{job}", NOW * 1000, tracking_id=job
        )
        for job in range(QUEUE_BATCH)
    ]

    def before() -> int:
        for batch in frame_batches(jobs, NOW):
            api.post(batch.payload, batch.connection_ids, 20)
        map_concurrently(lambda job: chunks.complete_chunks(job.tracking_id or 0, [job.chunk]), jobs)
        return len(jobs)

    def now() -> int:
        pusher.push_all(jobs, 20)
        return len(jobs)

    return DELIVERY_INSTANCES * per_second(now if together else before, seconds)


def run(*, quick: bool) -> Report:
    """Measure each, the variants of a comparison in turn."""
    rounds, seconds = (1, 0.5) if quick else (3, SECONDS)
    figures: dict[str, list[float]] = {}

    def note(name: str, value: float) -> float:
        figures.setdefault(name, []).append(value)
        return value

    ratios: dict[str, list[float]] = {}
    for _ in range(rounds):
        for audience in (1, 10, 50):
            of = f"recipients of each: {audience}"
            single = note(f"events/s one by one, {of}", events_per_second(1, audience, seconds))
            ten = note(f"events/s by ten, {of}", events_per_second(10, audience, seconds))
            ratios.setdefault(f"events/s by ten against one by one, {of}", []).append(ten / single)
        for batched in (False, True):
            name = "relay, events/s " + ("now" if batched else "before")
            note(name, asyncio.run(relayed_per_second(seconds, batched=batched)))
        for together in (False, True):
            name = "delivery, jobs/s " + ("now" if together else "before")
            note(name, jobs_per_second(seconds, together=together))

    for what in ("relay, events/s", "delivery, jobs/s"):
        before, now = figures[f"{what} before"], figures[f"{what} now"]
        ratios[what] = [after / earlier for earlier, after in zip(before, now, strict=True)]
    alone, shared = (
        note(f"posts of 20 events, {batch} at a time", posts_for_twenty_events(batch)) for batch in (1, 20)
    )
    by_ten = tuple(rate / 1_000 for rate in figures["events/s by ten, recipients of each: 1"])
    one_by_one = tuple(rate / 100 for rate in figures["events/s one by one, recipients of each: 1"])
    return Report(
        TITLE,
        (
            Ratio("events/s by ten against 1,000", by_ten, target=1.0),
            Ratio("events/s one by one against 100", one_by_one, target=1.0),
            Ratio("posts of 20 events one by one against together", (alone / shared,), target=5.0),
            *(Ratio(name, tuple(values)) for name, values in ratios.items()),
        ),
        {name: tuple(values) for name, values in figures.items()},
        (
            f"one instance is measured; of broadcast there are {INSTANCES}, of delivery {DELIVERY_INSTANCES}",
            f"each instance of broadcast posts {DIRECT_POSTS_PER_SECOND}/s directly, and queues the rest",
        ),
    )
