"""Redis goes away in every way: the relay comes back by itself, and what Redis still has is not lost."""

import asyncio
import json

import pytest

from redis_relay.names import GROUP, LEASE, STREAM
from tests.contract.redis_access.access import admitted
from tests.contract.relay.conftest import add, dead_letters, deal, holding, until
from tests.contract.relay.lambda_endpoint import ACCEPTED, Throttled


async def works(publisher, broadcast, number):
    """Both ways work (again); a channel's message may be lost while nobody listens."""
    add(publisher, number)
    await until(lambda: number in broadcast.ids(), within=20)

    async def publish():
        while number + 0.5 not in broadcast.ids():
            publisher.publish("deals:books", json.dumps(deal(number + 0.5)))
            await asyncio.sleep(0.1)

    await asyncio.wait_for(publish(), 20)


@pytest.fixture
async def relay(relays, publisher):
    task = relays.start(lease=2)
    await holding(publisher, task)
    return task


async def test_killed_redis_is_found_again(server, relay, publisher, broadcast):
    await works(publisher, broadcast, 1)
    server.kill()
    await asyncio.sleep(0.5)
    server.run()
    publisher.connection_pool.disconnect()
    admitted(publisher, "redis_relay", server.password)  # ElastiCache keeps its users; a bare server has none
    await works(publisher, broadcast, 2)


async def test_paused_redis_is_waited_for(server, relay, publisher, broadcast):
    server.pause()
    try:
        await asyncio.sleep(7)
    finally:
        server.resume()
    await works(publisher, broadcast, 1)


async def test_flushed_redis_is_begun_with_anew(server, relay, publisher, broadcast):
    for number in range(5):
        publisher.flushall()
        await works(publisher, broadcast, number)


async def test_stream_without_its_group_is_read_from_its_beginning(server, relay, publisher, broadcast):
    def throttled(event):
        raise Throttled

    broadcast.function = throttled
    add(publisher, 1)
    await until(lambda: broadcast.tries)
    publisher.xgroup_destroy(STREAM, GROUP)
    add(publisher, 2)
    broadcast.function = lambda event: ACCEPTED
    await until(lambda: set(broadcast.ids()) == {1, 2})


async def test_replica_is_not_written_to_and_the_master_is_found_again(server, relay, publisher, broadcast):
    publisher.replicaof("127.0.0.1", "1")
    try:
        await asyncio.sleep(1)
    finally:
        publisher.replicaof("NO", "ONE")
    await works(publisher, broadcast, 1)


async def test_rotated_password_is_asked_for_again(server, relays, relay, publisher, broadcast):
    right, relays.password.password = relays.password.password, "wrong"
    publisher.client_kill_filter(skipme=True, _type="normal")
    publisher.client_kill_filter(skipme=True, _type="pubsub")
    await until(lambda: relay.relay.tally.redis_failures > 2)
    relays.password.password = right
    await works(publisher, broadcast, 1)


async def test_redis_without_memory_loses_no_entry(server, relay, publisher, broadcast):
    """Nothing can be written but what makes room; entries are read and acknowledged all the same."""

    def function(event):
        publisher.config_set("maxmemory", "1")
        return ACCEPTED

    broadcast.function = function
    add(publisher, 1)
    try:
        await until(lambda: broadcast.ids() == [1])
        await until(lambda: not publisher.xpending(STREAM, GROUP)["pending"])
    finally:
        publisher.config_set("maxmemory", "0")
    broadcast.function = lambda event: ACCEPTED
    await works(publisher, broadcast, 2)


async def test_poison_waits_for_memory_to_be_put_aside(server, relay, publisher, broadcast):
    broadcast.function = lambda event: {"statusCode": 400, "body": "{}"}
    publisher.xgroup_destroy(STREAM, GROUP)  # so that the entry is read while there is no memory
    add(publisher, 1)
    publisher.config_set("maxmemory", "1")
    try:
        await asyncio.sleep(0.5)
        assert not dead_letters(publisher)
    finally:
        publisher.config_set("maxmemory", "0")
    await until(lambda: dead_letters(publisher))


async def test_successor_takes_over_as_soon_as_there_is_memory(server, relays, publisher, broadcast):
    publisher.config_set("maxmemory", "1")
    try:
        task = relays.start()
        await asyncio.sleep(0.5)
        assert not publisher.exists(LEASE)
    finally:
        publisher.config_set("maxmemory", "0")
    await holding(publisher, task)
    await works(publisher, broadcast, 1)


async def test_messages_that_broadcast_does_not_take_are_recorded_as_lost(
    relay, publisher, broadcast, monkeypatch
):
    monkeypatch.setattr("redis_relay.channels.RETRY_WITHIN_SECONDS", 0.3)

    def throttled(event):
        raise Throttled

    broadcast.function = throttled
    publisher.publish("deals:books", json.dumps(deal(1)))
    [letter] = await until(lambda: dead_letters(publisher))
    assert letter["source"] == "deals:books"
    assert int(letter["tries"]) > 1
    assert json.loads(letter["event"]) == deal(1)
    assert relay.relay.tally.lost == 1


async def test_buffer_is_bounded_and_what_does_not_fit_is_recorded(relays, publisher, broadcast, monkeypatch):
    monkeypatch.setattr("redis_relay.channels.BYTES_MAX", 500)
    released = asyncio.Event()
    loop = asyncio.get_running_loop()

    def function(event):
        asyncio.run_coroutine_threadsafe(released.wait(), loop).result()
        return ACCEPTED

    broadcast.function = function
    task = relays.start(parallel=1)
    await holding(publisher, task)
    for number in range(50):
        publisher.publish("deals:books", json.dumps(deal(number)))
    letters = await until(lambda: dead_letters(publisher))
    released.set()
    assert "buffer is full" in letters[0]["reason"]
    await until(lambda: len(broadcast.events) + task.relay.tally.lost == 50)
    assert len(dead_letters(publisher)) == task.relay.tally.lost
