"""Channels: exactly one invocation forwards each message."""

import asyncio
import json
import threading
import time
from collections import Counter

import pytest

from redis_relay.settings import HANDOVER_CHANNEL, LEASE
from tests.contract.redis_relay.conftest import client_of, deal, until, wait_for_lease
from tests.contract.redis_relay.lambda_endpoint import slow


class Load:
    """Publishes numbered messages at a steady rate, from a thread of its own."""

    def __init__(self, server, per_second):
        self._client, self._pause = client_of(server), 1 / per_second
        self._stop = threading.Event()
        self.published = 0
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        while not self._stop.is_set():
            self.published += 1
            self._client.publish("deals:books", json.dumps(deal(self.published)))
            time.sleep(self._pause)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()


def outcomes(relays):
    return Counter(task.result() for task in relays.tasks if task.done())


async def test_channel_message_is_published_as_an_event_of_its_topic(relays, publisher, broadcast):
    task = relays.start()
    await wait_for_lease(publisher, task)
    publisher.publish("deals:electronics.laptops", json.dumps(deal(7, filters={"brand": "x"})))
    [event] = await until(lambda: broadcast.events)
    event_id = event.pop("eventId")
    assert event == {
        "messageType": "dealUpdate",
        "data": {"n": 7},
        "filters": {"brand": "x"},
        "topic": "electronics.laptops",
    }
    assert event_id.startswith("channel:")


async def test_channel_messages_are_forwarded_once_over_many_handovers(relays, publisher, broadcast, server):
    """The schedule starts one invocation after another while messages are published all the time."""
    # Each may be replaced from 0.8 s on, and has time enough to wait for a successor that is slow to start.
    first = relays.start(relay=60, handover=59.2)
    await wait_for_lease(publisher, first)
    with Load(server, 300) as load:
        # On a slow machine most of them come late enough to take over.
        while outcomes(relays)["relayed"] < 6 or not outcomes(relays)["busy"]:
            await asyncio.sleep(0.25)
            await until(lambda: sum(not task.done() for task in relays.tasks) <= 2)
            relays.start(relay=60, handover=59.2)
    await until(lambda: sum(not task.done() for task in relays.tasks) == 1)
    await until(lambda: len(broadcast.events) >= load.published)

    assert sorted(broadcast.ids()) == list(range(1, load.published + 1))


async def test_invocation_while_another_holds_the_lease_ends_at_once(relays, publisher):
    await wait_for_lease(publisher, relays.start())
    started = time.monotonic()
    assert await relays.start() == "busy"
    assert time.monotonic() - started < 1


async def test_successors_that_start_at_once_leave_one_holder(relays, publisher, broadcast, server):
    first = relays.start(relay=60)
    await wait_for_lease(publisher, first)
    with Load(server, 200) as load:
        await asyncio.sleep(0.7)
        successors = [relays.start(relay=60, handover=59.5) for _ in range(4)]
        await first
        await until(lambda: sum(not task.done() for task in successors) == 1)
    await until(lambda: len(broadcast.events) >= load.published)
    assert sum(not task.done() for task in successors) == 1
    assert sorted(broadcast.ids()) == list(range(1, load.published + 1))


async def test_lease_of_a_dead_holder_expires_and_is_acquired(relays, publisher, broadcast):
    dead = relays.start(lease=1)
    await wait_for_lease(publisher, dead)
    dead.cancel()
    await asyncio.gather(dead, return_exceptions=True)
    assert publisher.exists(LEASE), "a holder that dies releases nothing"
    await until(lambda: not publisher.exists(LEASE), within=3)
    successor = relays.start()
    await wait_for_lease(publisher, successor)
    publisher.publish("deals:books", json.dumps(deal(2)))
    await until(lambda: broadcast.ids() == [2])


async def test_holder_whose_time_is_up_without_a_successor_releases_the_lease(relays, publisher):
    task = relays.start(relay=1)
    await wait_for_lease(publisher, task)
    assert await asyncio.wait_for(task, 5) == "relayed"
    assert not publisher.exists(LEASE)


async def test_accepted_messages_are_forwarded_after_the_handover(relays, publisher, broadcast):
    broadcast.function = slow(0.1)
    first = relays.start(relay=60, parallel=1)
    await wait_for_lease(publisher, first)
    for number in range(12):
        publisher.publish("deals:books", json.dumps(deal(number)))
    await asyncio.sleep(0.6)
    relays.start(relay=60, parallel=1, handover=59.5)
    await first
    assert sorted(broadcast.ids()) == list(range(12))


async def test_fencing_tokens_rise_even_after_a_flush(relays, publisher):
    first = relays.start()
    await wait_for_lease(publisher, first)
    before = int(publisher.hget(LEASE, "token"))
    publisher.flushall()
    await until(lambda: publisher.hget(LEASE, "token"))
    assert int(publisher.hget(LEASE, "token")) > before


@pytest.mark.parametrize("noise", ["", "{}", '{"kind": "taken"}', '{"kind": "other", "holder": "x"}', "[]"])
async def test_noise_on_the_handover_channel_is_ignored(relays, publisher, broadcast, noise):
    task = relays.start()
    await wait_for_lease(publisher, task)
    publisher.publish(HANDOVER_CHANNEL, noise)
    publisher.publish("deals:books", json.dumps(deal(1)))
    await until(lambda: broadcast.ids() == [1])
