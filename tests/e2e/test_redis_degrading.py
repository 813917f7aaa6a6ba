"""Faults of Redis under load cost speed but no events, and the service recovers by itself."""

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
PUBLISHED_WITHIN_SECONDS = 15.0
"""How long three publishes of each publisher may take during a fault.

The service gives Redis up after half a second of silence; whatever waits for the end of the fault fails.
"""
DEGRADED_WITHIN_SECONDS = 10.0
OPERATIONAL_WITHIN_SECONDS = 40.0
"""A breaker leaves Redis alone for half a minute at most."""
MAINTAINED_WITHIN_SECONDS = 75.0
"""The schedule runs each minute, and the emulator looks at it every ten seconds."""


class Redis:
    """The server of the stack: its own command line, and the local cloud's control API."""

    def __init__(self, service: Service) -> None:
        self._service, self._access = service, service.stack.redis
        self.client = self.log_in()

    def log_in(self, **options: str) -> redis.Redis:
        """Return another client; `options` override the usual ones."""
        merged = self._access.options() | {"decode_responses": True, "socket_timeout": 5} | options
        return redis.Redis.from_url(self._access.url, **merged)

    def control(self, **settings: object) -> None:
        """Set the state of the connection to the server, or of its process."""
        self._service.control("redis", settings)

    def change_password(self) -> None:
        """Change the password without changing the secret, and make every client log in again."""
        self.client.config_set("requirepass", "other")
        self.log_in(password="other").execute_command("CLIENT", "KILL", "SKIPME", "yes")

    def restore_password(self) -> None:
        """Set the password of the secret."""
        self.log_in(password="other").config_set("requirepass", self._access.options()["password"])

    def recover(self) -> None:
        """Undo what a test has done; restart the server if it does not work as a primary without a limit."""
        self.control(state="open", delay_ms=0, server="resume")
        try:
            role, maxmemory = self.client.role()[0], self.client.config_get("maxmemory")["maxmemory"]
        except redis.RedisError:
            role = maxmemory = None
        if (role, maxmemory) != ("master", "0"):
            self.control(server="restart")

    def count_reads(self) -> int:
        """Return how often members were read since the server started."""
        return int(self.client.info("commandstats").get("cmdstat_zrange", {"calls": 0})["calls"])

    def add(self, event: dict[str, object]) -> str:
        """Add an event to the stream, retrying as a publisher does; return the entry's id."""
        deadline = time.monotonic() + OPERATIONAL_WITHIN_SECONDS
        while True:
            try:
                return str(self.client.xadd("deals:events", {"event": json.dumps(event)}))
            except redis.RedisError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)


class Fault(NamedTuple):
    """A fault of Redis: how it begins and ends, and whether the data is lost."""

    name: str
    begin: Callable[[Redis], object]
    end: Callable[[Redis], object] = lambda _redis: None
    loses_data: bool = False


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
    Fault("flushed", lambda r: r.client.flushall(), loses_data=True),
    Fault(
        "out-of-memory",
        lambda r: r.client.config_set("maxmemory", "1"),
        lambda r: r.client.config_set("maxmemory", "0"),
    ),
    Fault("wrong-password", Redis.change_password, Redis.restore_password),
]
RESTARTED = Fault("restarted", lambda r: r.control(server="restart"), loses_data=True)


@pytest.fixture
def server(redis_stack):
    """The server, which recovers after the test."""
    server = Redis(redis_stack)
    yield server
    server.recover()


@pytest.fixture
async def subscribers(redis_stack, topic, user):
    async with Subscribers.connected(redis_stack, topic, user) as subscribers:
        yield subscribers


async def invoke_projector(service, task):
    return await asyncio.to_thread(service.invoke_raw, "index_projector", {"task": task})


async def wait_until_verified(service):
    """Run the maintenance until the index is up, has applied every change, and equals the table."""
    deadline = time.monotonic() + OPERATIONAL_WITHIN_SECONDS
    while True:
        report = await invoke_projector(service, "tend")
        verification = await invoke_projector(service, "check")
        if report["redis"] == "up" and not report["pending"] and verification["outcome"] == "equal":
            assert verification["members"] >= SUBSCRIBER_COUNT
            return
        assert time.monotonic() < deadline, (report, verification)
        await asyncio.sleep(1)


async def maintain(service):
    """Run the maintenance once; repeat it while the scheduled run holds the lease."""
    deadline = time.monotonic() + OPERATIONAL_WITHIN_SECONDS
    while (report := await invoke_projector(service, "tend"))["redis"] != "up":
        assert time.monotonic() < deadline, report
        await asyncio.sleep(1)


async def wait_for_status(person, status, within):
    """Ask until the service reports this status."""
    started = time.monotonic()
    while (reported := (await person.ask("getStatus"))["data"]["systemStatus"]) != status:
        assert time.monotonic() - started < within, reported
        await asyncio.sleep(0.25)


async def publish_until_index_is_used(subscribers, server, within):
    """Publish bursts until every event of one reads the index; return all accepted events."""
    accepted, deadline = [], time.monotonic() + within
    while True:
        logs, reads_before = Logs(subscribers.service, back_ms=0), await asyncio.to_thread(server.count_reads)
        load = await subscribers.burst(SUBSCRIBER_COUNT)
        assert not load.refused
        accepted += load.accepted

        fallbacks = await asyncio.to_thread(logs.read_lines, "broadcast", "RedisFallbacks")
        reads = await asyncio.to_thread(server.count_reads) - reads_before
        if not fallbacks and reads >= SUBSCRIBER_COUNT * SUBSCRIBER_COUNT:
            return accepted
        assert time.monotonic() < deadline, fallbacks
        await asyncio.sleep(1)


async def assert_every_action_works(person, other, user_id, topic):
    """Every action of a client succeeds while Redis fails."""
    actions = {
        "ping": None,
        "subscribeToDeals": {"topic": topic, "filters": {"category": "home"}},
        "unsubscribeFromDeals": {"topic": topic},
        "sendMessage": {"recipientId": user_id, "content": "hello"},
        "getMessages": None,
        "getStatus": None,
    }
    for action, data in actions.items():
        reply = await person.ask(action, data)
        assert reply["type"] != "error", (action, reply)

    message = await other.hears("messageReceived")
    reply = await other.ask("notificationAck", {"messageId": message["data"]["messageId"]})
    assert reply["type"] == "notificationAcked"


async def publish_through_fault(fault, subscribers, server, record_property):
    """Publish before, during and after a fault: none fails or waits for its end. Returns the accepted events.

    One person subscribes and one unsubscribes during the fault: the first receives every event published
    after its confirmation, the second none.
    """
    accepted_before = await publish_until_index_is_used(subscribers, server, OPERATIONAL_WITHIN_SECONDS)
    entries = [await asyncio.to_thread(server.add, subscribers.next_event())]
    if fault.loses_data:
        await wait_for_entry(subscribers.all[0], entries[0])
    leaver = await subscribers.subscribe("leaver", {"minPrice": -1})

    async with subscribers.publishing(PUBLISHERS, EVERY_SECONDS) as load:
        await asyncio.sleep(BEFORE_SECONDS)
        # On a busy machine too, there shall be something to compare with.
        while len(load.accepted) < 2 * PUBLISHERS:  # noqa: ASYNC110 - the load has no event to wait for
            await asyncio.sleep(EVERY_SECONDS)
        await asyncio.to_thread(fault.begin, server)
        began = time.monotonic()

        newcomer = await subscribers.subscribe("newcomer", {"minPrice": -2})
        joined_at = time.monotonic()
        await leaver.ask("unsubscribeFromDeals", {"topic": subscribers.topic})
        left_at = time.monotonic()

        await wait_for_status(subscribers.even, "degraded", DEGRADED_WITHIN_SECONDS)
        degraded_at = time.monotonic()
        reader_id = f"{subscribers.name}-all-0"[-100:]
        await assert_every_action_works(newcomer, subscribers.all[0], reader_id, f"{subscribers.topic}.other")

        await wait_for_publishes(load, began, 3 * PUBLISHERS)
        await asyncio.sleep(max(0.0, began + FAULT_SECONDS - time.monotonic()))
        await asyncio.to_thread(fault.end, server)
        entries.append(await asyncio.to_thread(server.add, subscribers.next_event()))
        await asyncio.sleep(AFTER_SECONDS)

    assert not load.refused
    slowest_before = max(event.seconds for event in load.accepted if event.started + event.seconds < began)
    for name, value in {
        "events": len(load.accepted),
        "worst_publish_s": round(load.slowest_seconds(), 2),
        "worst_publish_before_s": round(slowest_before, 2),
        "degraded_after_s": round(degraded_at - began, 2),
    }.items():
        record_property(name, value)

    for entry in entries:
        await wait_for_entry(subscribers.all[0], entry)
    after_join = {event.event_id for event in load.accepted if event.started > joined_at}
    assert not await find_missing(newcomer, after_join)
    after_leave = {event.event_id for event in load.accepted if event.started > left_at}
    assert not after_leave & {frame["eventId"] for frame in leaver.all_heard("dealUpdate")}
    return [*accepted_before, *load.accepted]


async def wait_for_publishes(load, began, count):
    """Wait until so many events were accepted that were published after `began`."""
    while (accepted := sum(event.started > began for event in load.accepted)) < count:
        assert time.monotonic() - began < PUBLISHED_WITHIN_SECONDS, f"{accepted} of {count} during the fault"
        await asyncio.sleep(EVERY_SECONDS)


async def wait_for_entry(person, entry_id):
    """Wait until a person receives the event of a stream entry."""
    await person.hears(
        lambda frame: str(frame.get("eventId")).startswith(f"stream:{entry_id}:"),
        within=OPERATIONAL_WITHIN_SECONDS,
    )


async def assert_everybody_received(subscribers, accepted):
    """Every subscriber received the accepted events that match it, and a resume replays all of them."""
    expected = {event.event_id for event in accepted}
    even = {event.event_id for event in accepted if event.data["parity"] == "even"}
    for person in subscribers.all:
        assert not await find_missing(person, expected)
    assert not await find_missing(subscribers.even, even)

    received = {frame["eventId"] for frame in subscribers.even.all_heard("dealUpdate")}
    assert not received & (expected - even)
    replayed = await resume(subscribers.all[0], subscribers.topic, {"minPrice": 0}, subscribers.started_at)
    assert expected <= replayed


async def assert_recovers(subscribers, server, accepted, record_property, *, ended, within):
    """The service reports operational, uses the index again, has lost no event, and the index is right."""
    await wait_for_status(subscribers.even, "operational", within)
    record_property("operational_after_s", round(time.monotonic() - ended + AFTER_SECONDS, 2))

    accepted += await publish_until_index_is_used(subscribers, server, OPERATIONAL_WITHIN_SECONDS)
    await assert_everybody_received(subscribers, accepted)
    await wait_until_verified(subscribers.service)
    record_property("verified_after_s", round(time.monotonic() - ended + AFTER_SECONDS, 2))


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
async def test_redis_fault_under_load_loses_no_event_and_fails_no_action(
    fault, subscribers, server, record_property
):
    accepted = await publish_through_fault(fault, subscribers, server, record_property)
    ended = time.monotonic()

    await maintain(subscribers.service)

    await assert_recovers(
        subscribers, server, accepted, record_property, ended=ended, within=OPERATIONAL_WITHIN_SECONDS
    )


async def test_lost_index_is_rebuilt_by_the_schedule(subscribers, server, record_property):
    accepted = await publish_through_fault(RESTARTED, subscribers, server, record_property)

    await assert_recovers(
        subscribers,
        server,
        accepted,
        record_property,
        ended=time.monotonic(),
        within=MAINTAINED_WITHIN_SECONDS,
    )
