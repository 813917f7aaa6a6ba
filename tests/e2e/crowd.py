"""A few people who make many groups, and somebody who publishes to them without a break."""

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

SIZE = 10
"""People whose filters all match, each another one: more groups than are read from DynamoDB at once."""
IN_FLIGHT = 32


@dataclass(frozen=True, slots=True)
class Published:
    """One event that was accepted, and how long that took."""

    event_id: str
    data: dict[str, Any]
    started: float
    seconds: float


@dataclass
class Load:
    """What was published. The publisher goes on for as long as its block lasts."""

    accepted: list[Published] = field(default_factory=list)
    refused: list[Any] = field(default_factory=list)

    def worst(self) -> float:
        """The longest that an answer took, in seconds."""
        return max(one.seconds for one in self.accepted)


class Crowd:
    """Listeners to one topic: `all`, whom every event reaches, and `even`, whom every other one does."""

    def __init__(self, service: Service, topic: str, name: str) -> None:
        self.service, self.topic, self.name = service, topic, name
        self.all: list[Person] = []
        self.even: Person
        self.started_at: int
        """The position when the first had subscribed."""
        self._people = AsyncExitStack()
        self._numbers = itertools.count(1)
        self._pool = ThreadPoolExecutor(IN_FLIGHT, thread_name_prefix="publish")
        # Each event is published once: a second try would hide a first that failed.
        config = Config(max_pool_connections=IN_FLIGHT, retries={"total_max_attempts": 1, "mode": "standard"})
        self._lambda = service.stack.client("lambda", config)

    @classmethod
    @asynccontextmanager
    async def gathered(cls, service: Service, topic: str, name: str) -> AsyncIterator[Self]:
        """Connect everybody, and let them leave at the end."""
        crowd = cls(service, topic, name)
        async with crowd._people:
            first = await crowd.connected("all-0")
            told = await first.subscribe(topic, {"minPrice": 0})
            crowd.started_at = told["data"]["position"]
            others = [await crowd.joined(f"all-{n}", {"minPrice": n}) for n in range(1, SIZE)]
            crowd.all = [first, *others]
            crowd.even = await crowd.joined("even", {"parity": "even"})
            yield crowd
        crowd._pool.shutdown()

    async def joined(self, name: str, filters: dict[str, Any]) -> Person:
        """Somebody more, who has subscribed."""
        person = await self.connected(name)
        await person.subscribe(self.topic, filters)
        return person

    async def connected(self, name: str) -> Person:
        """Somebody who has only connected."""
        token = self.service.token(f"{self.name}-{name}"[-100:])
        person = await Person.connect(
            self.service.websocket_url, additional_headers={"Authorization": f"Bearer {token}"}
        )
        self._people.push_async_callback(person.leave)
        return person

    def event(self) -> dict[str, Any]:
        """The next event, which everybody in `all` wants."""
        number = next(self._numbers)
        data = {"number": number, "price": 100, "parity": ("even", "odd")[number % 2]}
        return {"messageType": "dealUpdate", "topic": self.topic, "data": data}

    @asynccontextmanager
    async def load(self, publishers: int, every_seconds: float) -> AsyncIterator[Load]:
        """Let some publish, each at a pace, or as fast as it is answered; all are in at the block's end."""
        load, over, loop = Load(), asyncio.Event(), asyncio.get_running_loop()

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

    async def burst(self, count: int) -> Load:
        """Publish some at once."""
        load, loop = Load(), asyncio.get_running_loop()
        await asyncio.gather(*(loop.run_in_executor(self._pool, self._publish, load) for _ in range(count)))
        return load

    def _publish(self, load: Load) -> None:
        event, started = self.event(), time.monotonic()
        answer = self._lambda.invoke(
            FunctionName=self.service.outputs["function_names"]["broadcast"],
            Payload=json.dumps(event).encode(),
        )
        text = answer["Payload"].read()
        seconds = time.monotonic() - started
        told = json.loads(text)
        if "FunctionError" in answer or told.get("statusCode") != 200:
            load.refused.append(told)
            return
        event_id = json.loads(told["body"])["eventId"]
        load.accepted.append(Published(event_id, event["data"], started, seconds))


async def heard_all(person: Person, event_ids: set[str]) -> set[str]:
    """Wait until somebody has heard all of these; what is missing after that."""
    deadline = time.monotonic() + WAIT_SECONDS
    while missing := event_ids - {frame.get("eventId") for frame in person.all_heard("dealUpdate")}:
        if time.monotonic() > deadline:
            return missing
        await asyncio.sleep(0.1)
    return set()


async def resumed(person: Person, topic: str, filters: dict[str, Any], since: int) -> set[str]:
    """The ids of all events that resume replays from a position on."""
    found: set[str] = set()
    while True:
        asked = {"topic": topic, "filters": filters, "since": since}
        told = (await person.ask("subscribeToDeals", asked))["data"]
        assert told["recovered"], told
        events = told.get("events", [])
        found |= {one["eventId"] for one in events}
        if not told.get("more"):
            return found
        since = events[-1]["position"]
