"""Subscribers in many groups of one topic, and a load of events published to them."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from botocore.config import Config

from local_cloud.client import WAIT_SECONDS, Person

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.e2e.service import Service

SUBSCRIBER_COUNT = 10
"""Subscribers to every event, each by another filter: more groups than are read from DynamoDB at once."""
CONCURRENT_PUBLISHES = 32


@dataclass(frozen=True, slots=True)
class Published:
    """One accepted event, the monotonic time of its publish, and how many seconds that took."""

    event_id: str
    data: dict[str, Any]
    started: float
    seconds: float


@dataclass
class PublishLoad:
    """The accepted and the refused events of a load."""

    accepted: list[Published] = field(default_factory=list)
    refused: list[Any] = field(default_factory=list)

    def slowest_seconds(self) -> float:
        """Return the longest publish, in seconds."""
        return max(event.seconds for event in self.accepted)


class Subscribers:
    """Subscribers to one topic: `all` receive every event, `even` receives every second one."""

    def __init__(self, service: Service, topic: str, name: str) -> None:
        self.service, self.topic, self.name = service, topic, name
        self.all: list[Person] = []
        self.even: Person
        self.started_at: int
        """The newest position when the first of them subscribed."""
        self._people = AsyncExitStack()
        self._numbers = itertools.count(1)
        self._pool = ThreadPoolExecutor(CONCURRENT_PUBLISHES, thread_name_prefix="publish")
        # Each event is published once; a retry would hide a failure.
        config = Config(
            max_pool_connections=CONCURRENT_PUBLISHES, retries={"total_max_attempts": 1, "mode": "standard"}
        )
        self._lambda = service.stack.client("lambda", config)

    @classmethod
    @asynccontextmanager
    async def connected(cls, service: Service, topic: str, name: str) -> AsyncIterator[Self]:
        """Connect and subscribe all; they leave at the end of the block."""
        subscribers = cls(service, topic, name)
        async with subscribers._people:
            first = await subscribers.connect("all-0")
            confirmation = await first.subscribe(topic, {"minPrice": 0})
            subscribers.started_at = confirmation["data"]["position"]

            others = [
                await subscribers.subscribe(f"all-{n}", {"minPrice": n}) for n in range(1, SUBSCRIBER_COUNT)
            ]
            subscribers.all = [first, *others]
            subscribers.even = await subscribers.subscribe("even", {"parity": "even"})
            yield subscribers
        subscribers._pool.shutdown()

    async def subscribe(self, name: str, filters: dict[str, Any]) -> Person:
        """Connect one more person and subscribe it with these filters."""
        person = await self.connect(name)
        await person.subscribe(self.topic, filters)
        return person

    async def connect(self, name: str) -> Person:
        """Connect one more person, who leaves with the others."""
        token = self.service.token(f"{self.name}-{name}"[-100:])
        person = await Person.connect(
            self.service.websocket_url, additional_headers={"Authorization": f"Bearer {token}"}
        )
        self._people.push_async_callback(person.leave)
        return person

    def next_event(self) -> dict[str, Any]:
        """Return the next event, which matches the filters of `all`."""
        number = next(self._numbers)
        data = {"number": number, "price": 100, "parity": ("even", "odd")[number % 2]}
        return {"messageType": "dealUpdate", "topic": self.topic, "data": data}

    @asynccontextmanager
    async def publishing(self, publishers: int, every_seconds: float) -> AsyncIterator[PublishLoad]:
        """Publish for as long as the block lasts, and finish every publish at its end.

        Each publisher starts an event every `every_seconds`, or later when the one before takes longer.
        """
        load, over, loop = PublishLoad(), asyncio.Event(), asyncio.get_running_loop()

        async def publish_on() -> None:
            while not over.is_set():
                due = time.monotonic() + every_seconds
                await loop.run_in_executor(self._pool, self._publish, load)
                await asyncio.sleep(max(0.0, due - time.monotonic()))

        async with asyncio.TaskGroup() as group:
            for _ in range(publishers):
                group.create_task(publish_on())
            try:
                yield load
            finally:
                over.set()

    async def burst(self, count: int) -> PublishLoad:
        """Publish `count` events at once."""
        load, loop = PublishLoad(), asyncio.get_running_loop()
        await asyncio.gather(*(loop.run_in_executor(self._pool, self._publish, load) for _ in range(count)))
        return load

    def _publish(self, load: PublishLoad) -> None:
        event, started = self.next_event(), time.monotonic()
        response = self._lambda.invoke(
            FunctionName=self.service.outputs["function_arns"]["broadcast"],
            Payload=json.dumps(event).encode(),
        )
        text = response["Payload"].read()
        seconds = time.monotonic() - started

        result = json.loads(text)
        if "FunctionError" in response or result.get("statusCode") != 200:
            load.refused.append(result)
            return

        event_id = json.loads(result["body"])["eventId"]
        load.accepted.append(Published(event_id, event["data"], started, seconds))


async def find_missing(person: Person, event_ids: set[str]) -> set[str]:
    """Wait until a person has received these events; return the ids that are still missing."""
    deadline = time.monotonic() + WAIT_SECONDS
    while missing := event_ids - {frame.get("eventId") for frame in person.all_heard("dealUpdate")}:
        if time.monotonic() > deadline:
            return missing
        await asyncio.sleep(0.1)
    return set()


async def resume(person: Person, topic: str, filters: dict[str, Any], since: int) -> set[str]:
    """Resume a subscription from `since` until there is no more; return the ids of the replayed events."""
    event_ids: set[str] = set()
    while True:
        data = {"topic": topic, "filters": filters, "since": since}
        reply = (await person.ask("subscribeToDeals", data))["data"]
        assert reply["recovered"], reply

        events = reply.get("events", [])
        event_ids |= {event["eventId"] for event in events}
        if not reply.get("more"):
            return event_ids
        since = events[-1]["position"]
