"""What the crowd goes through; each scenario returns its figures, among them what is missing."""

from __future__ import annotations

import asyncio
import json
import random
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.config import Config
from websockets.asyncio.client import connect

from tests.load.accounts import Accounts, Use
from tests.load.crowd import Crowd, Member

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from local_cloud.stack import Stack

PUBLISHERS = 8
SETTLE_SECONDS = 120.0
"""How long what was accepted may be on its way, on a machine that is busy."""
READ_EVERY_SECONDS = 2.0
STORM_TOPICS, STORM_RATE = 20, 1.0
SLOW_RECEIVE_BYTES = 4_096
LARGE_BYTES = 100 * 1024

Figures = dict[str, Any]


class Size(NamedTuple):
    """How much of everything: connections, seconds of traffic, events a second, topics, calls at once."""

    connections: int
    seconds: float
    rate: float
    topics: int
    concurrency: int


class Load:
    """One stack under load: publishes, and accounts for the processes meanwhile."""

    def __init__(self, stack: Stack, size: Size) -> None:
        self.stack, self.size = stack, size
        self._begun_ms = round(time.time() * 1000)
        self.name = f"load-{random.randrange(10**6)}"
        self._pool = ThreadPoolExecutor(PUBLISHERS, thread_name_prefix="publish")
        self._lambda = stack.client("lambda", Config(max_pool_connections=PUBLISHERS))
        self.published: list[dict[str, Any]] = []
        self.accounts = Accounts(stack.endpoint)
        self.memory: list[Mapping[str, Use]] = []

    def crowd(self, connections: int | None = None, name: str = "") -> Crowd:
        """So many connections, each of a user of its own."""
        count = connections or self.size.connections
        return Crowd(
            self.stack.websocket_url, self.stack.token, self.name + name, count, self.size.concurrency
        )

    async def publish(self, topic: str, **data: Any) -> None:
        """Publish one event, and note the answer."""
        loop = asyncio.get_running_loop()
        self.published.append(await loop.run_in_executor(self._pool, self._publish, topic, data))

    def _publish(self, topic: str, data: dict[str, Any]) -> dict[str, Any]:
        event = {"messageType": "dealUpdate", "topic": topic, "data": {"sentAt": time.time(), **data}}
        started = time.monotonic()
        answer = self._lambda.invoke(
            FunctionName=self.stack.outputs["function_arns"]["broadcast"], Payload=json.dumps(event).encode()
        )
        result = json.loads(answer["Payload"].read())
        # An invocation that failed, for example by its time limit: nothing was accepted.
        body = json.loads(result["body"]) if "body" in result else {"broadcast": "failed", **result}
        return {**body, "topic": topic, "seconds": time.monotonic() - started}

    async def traffic(
        self, seconds: float, topic_of: Callable[[int], str], rate: float | None = None
    ) -> None:
        """Publish at the rate (events a second) for so long; later than due where the service is busy."""
        rate = rate or self.size.rate
        begun, pending = time.monotonic(), set[asyncio.Task[None]]()
        for number in range(round(seconds * rate)):
            await asyncio.sleep(max(0.0, begun + number / rate - time.monotonic()))
            pending.add(asyncio.create_task(self.publish(topic_of(number))))
            if len(pending) >= PUBLISHERS:
                _, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            self.note_memory()
        await asyncio.gather(*pending)

    def note_memory(self) -> None:
        """Read the processes, at most every other second."""
        now = time.monotonic()
        if not self.memory or now - self._noted >= READ_EVERY_SECONDS:
            self._noted = now
            self.memory.append(self.accounts.read())

    async def arrived(self, crowd: Crowd, due: Callable[[int], Sequence[str]]) -> Figures:
        """Wait until each member has what it is due; return what is missing and what came twice."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while (counts := count(self.published, crowd.members, due))[
            "missing"
        ] and time.monotonic() < deadline:
            self.note_memory()
            await asyncio.sleep(0.5)
        return {
            **counts,
            "latency_s": quantiles(crowd.latencies()),
            "dropped": sum(one.drops for one in crowd.members),
        }

    def use(self) -> Figures:
        """Who used how much processor, and how memory went from the first third to the last."""
        last, third = self.accounts.read(), len(self.memory) // 3
        early, late = self.memory[third : third + 1], self.memory[-1:]
        prefix = self.stack.outputs["function_names"]["broadcast"].removesuffix("broadcast")
        return {
            kind.removeprefix(prefix): {
                "cpu_s": round(use.seconds, 1),
                "processes": use.processes,
                "memory_mb": round(use.memory_mb),
                "memory_mb_early": round(early[0][kind].memory_mb) if early and kind in early[0] else None,
                "memory_mb_late": round(late[0][kind].memory_mb) if late and kind in late[0] else None,
            }
            for kind, use in last.items()
        }

    def count_throttled(self) -> int:
        """How many posts were answered 429 since the load began, by the functions' metrics."""
        logs, count = self.stack.client("logs"), 0
        for function in ("broadcast", "delivery"):
            pages = logs.get_paginator("filter_log_events").paginate(
                logGroupName=self.stack.outputs["log_group_names"][function], startTime=self._begun_ms
            )
            texts = [event["message"] for page in pages for event in page["events"]]
            lines = [line for text in texts for line in text.splitlines() if '"DeliveriesThrottled":' in line]
            count += sum(json.loads(line)["DeliveriesThrottled"] for line in lines)
        return count

    def publishing(self) -> Figures:
        """How the publishes were answered."""
        failed = [event.get("errorMessage") for event in self.published if not _is_accepted(event)]
        return {
            "events": len(self.published),
            "accepted": len(self.published) - len(failed),
            "failures": sorted({str(text)[:200] for text in failed}),
            "publish_s": quantiles(sorted(event["seconds"] for event in self.published)),
        }


def count(
    published: Sequence[Figures], members: Sequence[Member], due: Callable[[int], Sequence[str]]
) -> Figures:
    """How many accepted events were due to all members together, how many of them are missing, or came twice.

    `due` has the topics of a member by its number.
    """
    by_topic: dict[str, set[str]] = {}
    for event in filter(_is_accepted, published):
        by_topic.setdefault(event["topic"], set()).add(event["eventId"])
    wanted = [set().union(*(by_topic.get(topic, set()) for topic in due(n))) for n in range(len(members))]
    received = [count for one in members for count in one.received.values()]
    return {
        "due": sum(map(len, wanted)),
        "missing": sum(len(ids - one.received.keys()) for ids, one in zip(wanted, members, strict=True)),
        "twice": sum(received) - len(received),
    }


def _is_accepted(answer: Figures) -> bool:
    return answer.get("broadcast") == "success"


def quantiles(ordered: Sequence[float]) -> Figures:
    """The median, the 95th and the 99th percentile and the largest of ordered values."""
    if not ordered:
        return {}
    at = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
    return {
        name: round(ordered[min(len(ordered) - 1, int(part * len(ordered)))], 3) for name, part in at.items()
    }


async def steady(load: Load) -> Figures:
    """All connect and subscribe to a share of the topics each; events come for the whole time."""
    topics = [f"{load.name}.t{number}" for number in range(load.size.topics)]

    def due(number: int) -> list[str]:
        return [topics[number % len(topics)]]

    crowd = load.crowd()
    try:
        connecting = await crowd.connect()
        subscribing = await crowd.subscribe(due)
        await load.traffic(load.size.seconds, lambda number: topics[number % len(topics)])
        figures = await load.arrived(crowd, due)
        return {
            "connect_s": round(connecting, 1),
            "subscribe_s": round(subscribing, 1),
            **figures,
            "open": crowd.open_count(),
        }
    finally:
        await crowd.leave()


async def storm(load: Load) -> Figures:
    """An outage: every connection is cut at once, all come back as clients do, and get what comes then."""
    topics = [f"{load.name}.storm{number}" for number in range(min(load.size.topics, STORM_TOPICS))]

    def due(number: int) -> list[str]:
        return [topics[number % len(topics)]]

    crowd = load.crowd()
    try:
        first = await crowd.connect()
        await crowd.subscribe(due)
        attempts = sum(one.attempts for one in crowd.members)
        await crowd.cut()
        back = await crowd.connect()
        subscribed = await crowd.subscribe(due)
        await load.traffic(len(topics) / STORM_RATE, lambda number: topics[number], rate=STORM_RATE)
        figures = await load.arrived(crowd, due)
        refusals = [status for one in crowd.members for status in one.refusals]
        again = sum(one.attempts for one in crowd.members) - attempts
        return {
            "first_connect_s": round(first, 1),
            "back_s": round(back, 1),
            "subscribed_again_s": round(subscribed, 1),
            "attempts_each": round(again / len(crowd.members), 2),
            "refusals": {str(status): refusals.count(status) for status in set(refusals)},
            **figures,
        }
    finally:
        await crowd.leave()


async def slow_readers(load: Load) -> Figures:
    """A tenth reads nothing while large events come: the others get all, in about the time as without."""
    topic, crowd = f"{load.name}.slow", load.crowd()
    sleepers = max(1, load.size.connections // 10)
    sockets: list[Any] = []
    try:
        await crowd.connect()
        await crowd.subscribe(lambda _: [topic])
        await load.traffic(load.size.seconds / 4, lambda _: topic, rate=1)
        without = quantiles(crowd.latencies())
        for member in crowd.members:
            member.seconds.clear()
        names = [f"{load.name}-asleep-{number}" for number in range(sleepers)]
        sockets += await asyncio.gather(*(_sleeper(load, name, topic) for name in names))
        begun, count = time.monotonic(), 0
        while time.monotonic() - begun < load.size.seconds or count < 80:
            await load.publish(topic, filler="x" * LARGE_BYTES)
            count += 1
        figures = await load.arrived(crowd, lambda _: [topic])
        return {
            "sleepers": sleepers,
            "large_events": count,
            "latency_without_s": without,
            **figures,
            "posts_answered_429": await asyncio.to_thread(load.count_throttled),
        }
    finally:
        for one in sockets:
            one.transport.abort()
        await crowd.leave()


async def _sleeper(load: Load, user_id: str, topic: str) -> Any:
    """A connection that subscribes, and then reads nothing any more."""
    endpoint = load.stack.endpoint.rpartition(":")
    raw = socket.create_connection((endpoint[0].removeprefix("http://"), int(endpoint[2])))
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SLOW_RECEIVE_BYTES)
    headers = {"Authorization": f"Bearer {load.stack.token(user_id)}"}
    person = await connect(
        load.stack.websocket_url,
        sock=raw,
        additional_headers=headers,
        compression=None,
        ping_interval=None,
        max_queue=1,
    )
    await person.send(json.dumps({"action": "subscribeToDeals", "data": {"topic": topic}, "requestId": "s"}))
    await person.recv()
    person.transport.pause_reading()
    return person


async def one_topic(load: Load) -> Figures:
    """All subscribe to one topic, and every event goes to all of them."""
    topic, crowd = f"{load.name}.all", load.crowd()
    try:
        await crowd.connect()
        await crowd.subscribe(lambda _: [topic])
        begun = time.monotonic()
        await load.traffic(load.size.seconds, lambda _: topic)
        figures = await load.arrived(crowd, lambda _: [topic])
        took = time.monotonic() - begun
        return {
            **figures,
            "posts_s": round((figures["due"] - figures["missing"]) / took, 1),
            "took_s": round(took, 1),
        }
    finally:
        await crowd.leave()


async def many_topics(load: Load) -> Figures:
    """Each topic has one subscriber; a connection has up to fifty of them."""
    per_connection = 50
    count = -(-load.size.topics // per_connection)
    topics = [f"{load.name}.many.t{number}" for number in range(load.size.topics)]

    def due(number: int) -> Sequence[str]:
        return topics[number * per_connection : (number + 1) * per_connection]

    crowd = load.crowd(count, "-many")
    try:
        await crowd.connect()
        subscribing = await crowd.subscribe(due)
        order = random.sample(topics, len(topics))
        await load.traffic(load.size.seconds, lambda number: order[number % len(order)])
        figures = await load.arrived(crowd, due)
        return {"topics": len(topics), "connections": count, "subscribe_s": round(subscribing, 1), **figures}
    finally:
        await crowd.leave()


SCENARIOS: dict[str, Callable[[Load], Any]] = {
    "steady": steady,
    "storm": storm,
    "slow-readers": slow_readers,
    "one-topic": one_topic,
    "many-topics": many_topics,
}
