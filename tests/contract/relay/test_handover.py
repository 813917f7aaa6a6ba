"""Channels: each message is forwarded once, by whichever invocation it falls to."""

import asyncio
import json
import threading
import time

import pytest

from redis_relay.names import HANDOVER, LEASE
from tests.contract.relay.conftest import client_of, deal, holding, until
from tests.contract.relay.lambda_endpoint import slow


class Load:
    """Somebody who publishes numbered messages without a pause, from a thread of their own."""

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


async def test_message_of_a_channel_is_an_event_of_its_topic(relays, publisher, broadcast):
    task = relays.start()
    await holding(publisher, task)
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


async def test_each_message_is_forwarded_once_over_many_handovers(relays, publisher, broadcast, server):
    """The schedule starts one invocation after the other while somebody publishes all the time."""
    # Each may be replaced from 0.8 s on, and has time enough to wait for a successor that is slow to start.
    first = relays.start(relay=60, handover=59.2)
    await holding(publisher, first)
    with Load(server, 300) as load:
        while sum(task.done() and task.result() == "relayed" for task in relays.tasks) < 6:
            await asyncio.sleep(0.25)
            await until(lambda: sum(not task.done() for task in relays.tasks) <= 2)
            relays.start(relay=60, handover=59.2)
    await until(lambda: sum(not task.done() for task in relays.tasks) == 1)
    await until(lambda: len(broadcast.events) >= load.published)

    assert "busy" in [task.result() for task in relays.tasks if task.done()]
    assert sorted(broadcast.ids()) == list(range(1, load.published + 1))


async def test_invocation_that_finds_a_living_holder_ends_at_once(relays, publisher):
    await holding(publisher, relays.start())
    started = time.monotonic()
    assert await relays.start() == "busy"
    assert time.monotonic() - started < 1


async def test_of_two_successors_at_once_one_takes_over(relays, publisher, broadcast, server):
    first = relays.start(relay=60)
    await holding(publisher, first)
    with Load(server, 200) as load:
        await asyncio.sleep(0.7)
        successors = [relays.start(relay=60, handover=59.5) for _ in range(4)]
        await first
        await until(lambda: sum(not task.done() for task in successors) == 1)
    await until(lambda: len(broadcast.events) >= load.published)
    assert sum(not task.done() for task in successors) == 1
    assert sorted(broadcast.ids()) == list(range(1, load.published + 1))


async def test_lease_of_a_holder_that_died_runs_out_and_is_taken(relays, publisher, broadcast):
    dead = relays.start(lease=1)
    await holding(publisher, dead)
    dead.cancel()
    await asyncio.gather(dead, return_exceptions=True)
    assert publisher.exists(LEASE), "a holder that dies gives nothing back"
    await until(lambda: not publisher.exists(LEASE), within=3)
    heir = relays.start()
    await holding(publisher, heir)
    publisher.publish("deals:books", json.dumps(deal(2)))
    await until(lambda: broadcast.ids() == [2])


async def test_time_that_is_up_without_a_successor_gives_the_lease_back(relays, publisher):
    task = relays.start(relay=1)
    await holding(publisher, task)
    assert await asyncio.wait_for(task, 5) == "relayed"
    assert not publisher.exists(LEASE)


async def test_what_was_taken_on_is_finished_after_the_handover(relays, publisher, broadcast):
    broadcast.function = slow(0.1)
    first = relays.start(relay=60, parallel=1)
    await holding(publisher, first)
    for number in range(12):
        publisher.publish("deals:books", json.dumps(deal(number)))
    await asyncio.sleep(0.6)
    relays.start(relay=60, parallel=1, handover=59.5)
    await first
    assert sorted(broadcast.ids()) == list(range(12))


async def test_fencing_tokens_rise_even_over_a_flush(relays, publisher):
    first = relays.start()
    await holding(publisher, first)
    before = int(publisher.hget(LEASE, "token"))
    publisher.flushall()
    await until(lambda: publisher.hget(LEASE, "token"))
    assert int(publisher.hget(LEASE, "token")) > before


@pytest.mark.parametrize("noise", ["", "{}", '{"kind": "taken"}', '{"kind": "other", "holder": "x"}', "[]"])
async def test_noise_on_the_channel_of_the_handover_is_no_handover(relays, publisher, broadcast, noise):
    task = relays.start()
    await holding(publisher, task)
    publisher.publish(HANDOVER, noise)
    publisher.publish("deals:books", json.dumps(deal(1)))
    await until(lambda: broadcast.ids() == [1])
