"""Redis in trouble under load: it costs speed, not messages, and the service comes back by itself."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, NamedTuple

import pytest
import redis

from tests.e2e.logs import Logs
from tests.e2e.subscribers import SUBSCRIBER_COUNT, Subscribers, find_missing, resume

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.service import Service

# The first of these tests may wait for the stack, and a first apply for the cache takes minutes.
pytestmark = pytest.mark.timeout(600)

PUBLISHERS, EVERY_SECONDS = 4, 0.2
BEFORE_SECONDS, FAULT_SECONDS, AFTER_SECONDS = 1.0, 2.5, 1.0
ADDED_SECONDS = 1.5
"""What a fault may add to a publisher's wait: half a second of silence, and Redis is given up."""
DEGRADED_WITHIN_SECONDS = 10.0
OPERATIONAL_WITHIN_SECONDS = 40.0
"""A breaker leaves Redis alone for half a minute at most."""
TENDED_WITHIN_SECONDS = 75.0
"""The schedule's minute, and the emulator looks at it every ten seconds."""


class Redis:
    """What tests do to it: on its own command line, and by the local cloud's control API."""

    def __init__(self, service: Service) -> None:
        self._service, self._access = service, service.stack.redis
        self.client = self.logged_in()

    def logged_in(self, **options: str) -> redis.Redis:
        """A client of its own."""
        given = self._access.options() | {"decode_responses": True, "socket_timeout": 5} | options
        return redis.Redis.from_url(self._access.url, **given)

    def control(self, **given: object) -> None:
        """Trouble the way to it, or its process."""
        self._service.control("redis", given)

    def change_password(self) -> None:
        """As somebody does who tells nobody; who is logged in has to log in again."""
        self.client.config_set("requirepass", "other")
        self.logged_in(password="other").execute_command("CLIENT", "KILL", "SKIPME", "yes")

    def change_password_back(self) -> None:
        """To what the secret says."""
        self.logged_in(password="other").config_set("requirepass", self._access.options()["password"])

    def make_well(self) -> None:
        """Whatever a test has left behind; started anew where that was more than the way to it."""
        self.control(state="open", delay_ms=0, server="resume")
        try:
            role, most = self.client.role()[0], self.client.config_get("maxmemory")["maxmemory"]
        except redis.RedisError:
            role = most = None
        if (role, most) != ("master", "0"):
            self.control(server="restart")

    def reads(self) -> int:
        """How often members were read since it was started."""
        return int(self.client.info("commandstats").get("cmdstat_zrange", {"calls": 0})["calls"])

    def add(self, event: dict[str, object]) -> str:
        """Put an event on the stream, as a publisher does who tries again until it is taken."""
        deadline = time.monotonic() + OPERATIONAL_WITHIN_SECONDS
        while True:
            try:
                return str(self.client.xadd("deals:events", {"event": json.dumps(event)}))
            except redis.RedisError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)


class Fault(NamedTuple):
    """Something that befalls Redis, and its end; whether it forgets everything."""

    name: str
    begin: Callable[[Redis], object]
    end: Callable[[Redis], object] = lambda _redis: None
    forgets: bool = False


FAULTS = [
    Fault("refused", lambda r: r.control(state="cut"), lambda r: r.control(state="open")),
    Fault("black-hole", lambda r: r.control(state="paused"), lambda r: r.control(state="open")),
    Fault("hanging", lambda r: r.control(server="suspend"), lambda r: r.control(server="resume")),
    Fault("slow", lambda r: r.control(delay_ms=600), lambda r: r.control(delay_ms=0)),
    Fault(
        "failing-over",
        lambda r: r.client.replicaof("127.0.0.1", "1"),
        lambda r: r.client.replicaof("NO", "ONE"),
    ),
    Fault("flushed", lambda r: r.client.flushall(), forgets=True),
    Fault(
        "out-of-memory",
        lambda r: r.client.config_set("maxmemory", "1"),
        lambda r: r.client.config_set("maxmemory", "0"),
    ),
    Fault("wrong-password", Redis.change_password, Redis.change_password_back),
]
RESTARTED = Fault("restarted", lambda r: r.control(server="restart"), forgets=True)


@pytest.fixture
def server(redis_stack):
    """Redis, which is well again whatever a test has done to it."""
    server = Redis(redis_stack)
    yield server
    server.make_well()


@pytest.fixture
async def subscribers(redis_stack, topic, user):
    async with Subscribers.connected(redis_stack, topic, user) as subscribers:
        yield subscribers


async def caught_up(service):
    """Do what the schedule does each minute, until the index is there, has every change, and is right."""
    deadline = time.monotonic() + OPERATIONAL_WITHIN_SECONDS
    while True:
        tally = await asyncio.to_thread(service.invoke_raw, "index_projector", {"task": "tend"})
        found = await asyncio.to_thread(service.invoke_raw, "index_projector", {"task": "check"})
        if tally["redis"] == "up" and not tally["pending"] and found["outcome"] == "equal":
            assert found["members"] >= SUBSCRIBER_COUNT
            return
        assert time.monotonic() < deadline, (tally, found)
        await asyncio.sleep(1)


async def tended(service):
    """Do once what the schedule does each minute; again only where somebody is at it already."""
    deadline = time.monotonic() + OPERATIONAL_WITHIN_SECONDS
    while (tally := await asyncio.to_thread(service.invoke_raw, "index_projector", {"task": "tend"}))[
        "redis"
    ] != "up":
        assert time.monotonic() < deadline, tally
        await asyncio.sleep(1)


async def says(person, status, within):
    """Ask until the service says how it is."""
    started = time.monotonic()
    while (told := (await person.ask("getStatus"))["data"]["systemStatus"]) != status:
        assert time.monotonic() - started < within, told
        await asyncio.sleep(0.25)


async def index_is_used(subscribers, server, within):
    """Publish until no event of a burst had to do without the index; what was published."""
    accepted, deadline = [], time.monotonic() + within
    while True:
        logs, reads = Logs(subscribers.service, back_ms=0), await asyncio.to_thread(server.reads)
        load = await subscribers.burst(SUBSCRIBER_COUNT)
        assert not load.refused
        accepted += load.accepted
        fallbacks = await asyncio.to_thread(logs.read_lines, "broadcast", "RedisFallbacks")
        if (
            not fallbacks
            and await asyncio.to_thread(server.reads) - reads >= SUBSCRIBER_COUNT * SUBSCRIBER_COUNT
        ):
            return accepted
        assert time.monotonic() < deadline, fallbacks
        await asyncio.sleep(1)


async def everything_works(person, other, user_id, topic):
    """Every action that a client has, while Redis is in trouble."""
    asked = {
        "ping": None,
        "subscribeToDeals": {"topic": topic, "filters": {"category": "home"}},
        "unsubscribeFromDeals": {"topic": topic},
        "sendMessage": {"recipientId": user_id, "content": "hello"},
        "getMessages": None,
        "getStatus": None,
    }
    for action, data in asked.items():
        reply = await person.ask(action, data)
        assert reply["type"] != "error", (action, reply)
    message = await other.hears("messageReceived")
    reply = await other.ask("notificationAck", {"messageId": message["data"]["messageId"]})
    assert reply["type"] == "notificationAcked"


async def befallen(fault, subscribers, server, record_property):
    """Let Redis be befallen under load: nobody waits, nothing fails; what everybody has to hear.

    Somebody joins meanwhile and somebody leaves: who was told so gets the next event, or no more.
    """
    used = await index_is_used(subscribers, server, OPERATIONAL_WITHIN_SECONDS)
    entries = [await asyncio.to_thread(server.add, subscribers.next_event())]
    if fault.forgets:
        await hears_entry(subscribers.all[0], entries[0])
    leaver = await subscribers.subscribe("leaver", {"minPrice": -1})
    async with subscribers.publishing(PUBLISHERS, EVERY_SECONDS) as load:
        await asyncio.sleep(BEFORE_SECONDS)
        await asyncio.to_thread(fault.begin, server)
        began = time.monotonic()
        newcomer = await subscribers.subscribe("newcomer", {"minPrice": -2})
        joined_at = time.monotonic()
        await leaver.ask("unsubscribeFromDeals", {"topic": subscribers.topic})
        left_at = time.monotonic()
        await says(subscribers.even, "degraded", DEGRADED_WITHIN_SECONDS)
        degraded_at = time.monotonic()
        reader_id = f"{subscribers.name}-all-0"[-100:]
        await everything_works(newcomer, subscribers.all[0], reader_id, f"{subscribers.topic}.other")
        await asyncio.sleep(max(0.0, began + FAULT_SECONDS - time.monotonic()))
        await asyncio.to_thread(fault.end, server)
        entries.append(await asyncio.to_thread(server.add, subscribers.next_event()))
        await asyncio.sleep(AFTER_SECONDS)
    assert not load.refused
    before = max(one.seconds for one in load.accepted if one.started + one.seconds < began)
    for name, value in {
        "events": len(load.accepted),
        "worst_publish_s": round(load.slowest_seconds(), 2),
        "worst_publish_before_s": round(before, 2),
        "degraded_after_s": round(degraded_at - began, 2),
    }.items():
        record_property(name, value)
    assert load.slowest_seconds() < before + ADDED_SECONDS
    for entry in entries:
        await hears_entry(subscribers.all[0], entry)
    assert not await find_missing(
        newcomer, {one.event_id for one in load.accepted if one.started > joined_at}
    )
    too_late = {one.event_id for one in load.accepted if one.started > left_at}
    assert not too_late & {frame["eventId"] for frame in leaver.all_heard("dealUpdate")}
    return [*used, *load.accepted]


async def hears_entry(person, entry_id):
    await person.hears(
        lambda frame: str(frame.get("eventId")).startswith(f"stream:{entry_id}:"),
        within=OPERATIONAL_WITHIN_SECONDS,
    )


async def nobody_missed(subscribers, accepted):
    """Everybody has heard what was accepted and matches; whoever comes back later is told all of it."""
    wanted = {one.event_id for one in accepted}
    even = {one.event_id for one in accepted if one.data["parity"] == "even"}
    for person in subscribers.all:
        assert not await find_missing(person, wanted)
    assert not await find_missing(subscribers.even, even)
    told = {one["eventId"] for one in subscribers.even.all_heard("dealUpdate")}
    assert not told & (wanted - even)
    again = await resume(subscribers.all[0], subscribers.topic, {"minPrice": 0}, subscribers.started_at)
    assert wanted <= again


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
async def test_trouble_of_redis_costs_no_event_and_fails_no_action(
    fault, subscribers, server, record_property
):
    accepted = await befallen(fault, subscribers, server, record_property)
    ended = time.monotonic()
    await tended(subscribers.service)
    await says(subscribers.even, "operational", OPERATIONAL_WITHIN_SECONDS)
    record_property("operational_after_s", round(time.monotonic() - ended + AFTER_SECONDS, 2))
    accepted += await index_is_used(subscribers, server, OPERATIONAL_WITHIN_SECONDS)
    await nobody_missed(subscribers, accepted)
    await caught_up(subscribers.service)
    record_property("caught_up_after_s", round(time.monotonic() - ended + AFTER_SECONDS, 2))


async def test_an_index_that_is_gone_is_built_anew_without_anybodys_help(
    subscribers, server, record_property
):
    accepted = await befallen(RESTARTED, subscribers, server, record_property)
    ended = time.monotonic()
    await says(subscribers.even, "operational", TENDED_WITHIN_SECONDS)
    record_property("operational_after_s", round(time.monotonic() - ended + AFTER_SECONDS, 2))
    accepted += await index_is_used(subscribers, server, OPERATIONAL_WITHIN_SECONDS)
    await nobody_missed(subscribers, accepted)
    await caught_up(subscribers.service)
