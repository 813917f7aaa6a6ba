"""Outages of Redis of every kind: the relay recovers by itself, and loses nothing that Redis still has."""

import asyncio
import json

import pytest

from redis_relay.settings import GROUP, LEASE, STREAM
from tests.contract.redis_access.access import create_user
from tests.contract.redis_relay.conftest import add, dead_letters, deal, until, wait_for_lease
from tests.contract.redis_relay.lambda_endpoint import ACCEPTED, Throttled


async def check_forwarding(publisher, broadcast, number):
    """Wait until stream and channels work; channel messages may be lost while nobody is subscribed."""
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
    await wait_for_lease(publisher, task)
    return task


async def test_killed_redis_is_reconnected_to(server, relay, publisher, broadcast):
    await check_forwarding(publisher, broadcast, 1)
    server.kill()
    await asyncio.sleep(0.5)
    server.run()
    publisher.connection_pool.disconnect()
    # ElastiCache keeps its users over a restart; a bare server has none.
    create_user(publisher, "redis_relay", server.password)
    await check_forwarding(publisher, broadcast, 2)


async def test_paused_redis_is_waited_for(server, relay, publisher, broadcast):
    server.pause()
    try:
        await asyncio.sleep(7)
    finally:
        server.resume()
    await check_forwarding(publisher, broadcast, 1)


async def test_flushed_redis_gets_its_group_and_lease_again(server, relay, publisher, broadcast):
    for number in range(5):
        publisher.flushall()
        await check_forwarding(publisher, broadcast, number)


async def test_stream_that_lost_its_group_is_read_from_the_beginning(server, relay, publisher, broadcast):
    def throttled(event):
        raise Throttled

    broadcast.function = throttled
    add(publisher, 1)
    await until(lambda: broadcast.tries)
    publisher.xgroup_destroy(STREAM, GROUP)
    add(publisher, 2)
    broadcast.function = lambda event: ACCEPTED
    await until(lambda: set(broadcast.ids()) == {1, 2})


async def test_replica_is_not_used_until_it_is_primary_again(server, relay, publisher, broadcast):
    publisher.replicaof("127.0.0.1", "1")
    try:
        await asyncio.sleep(1)
    finally:
        publisher.replicaof("NO", "ONE")
    await check_forwarding(publisher, broadcast, 1)


async def test_rotated_password_is_read_again(server, relays, relay, publisher, broadcast):
    password, relays.password.password = relays.password.password, "wrong"
    publisher.client_kill_filter(skipme=True, _type="normal")
    publisher.client_kill_filter(skipme=True, _type="pubsub")
    await until(lambda: relay.relay.report.redis_failures > 2)
    relays.password.password = password
    await check_forwarding(publisher, broadcast, 1)


async def test_redis_out_of_memory_loses_no_entry(server, relay, publisher, broadcast):
    """Redis only accepts commands that free memory; entries are still read and acknowledged."""

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
    await check_forwarding(publisher, broadcast, 2)


async def test_poison_entry_waits_for_memory_to_be_dead_lettered(server, relay, publisher, broadcast):
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


async def test_successor_acquires_the_lease_as_soon_as_there_is_memory(server, relays, publisher, broadcast):
    publisher.config_set("maxmemory", "1")
    try:
        task = relays.start()
        await asyncio.sleep(0.5)
        assert not publisher.exists(LEASE)
    finally:
        publisher.config_set("maxmemory", "0")
    await wait_for_lease(publisher, task)
    await check_forwarding(publisher, broadcast, 1)


async def test_channel_messages_that_broadcast_does_not_take_are_recorded_as_lost(
    relay, publisher, broadcast, monkeypatch
):
    monkeypatch.setattr("redis_relay.channels.RETRY_WITHIN_SECONDS", 0.3)

    def throttled(event):
        raise Throttled

    broadcast.function = throttled
    publisher.publish("deals:books", json.dumps(deal(1)))
    [dead_letter] = await until(lambda: dead_letters(publisher))
    assert dead_letter["source"] == "deals:books"
    assert int(dead_letter["tries"]) > 1
    assert json.loads(dead_letter["event"]) == deal(1)
    assert relay.relay.report.lost == 1


async def test_channel_messages_beyond_the_buffer_are_recorded_as_lost(
    relays, publisher, broadcast, monkeypatch
):
    monkeypatch.setattr("redis_relay.channels.BYTES_MAX", 500)
    released = asyncio.Event()
    loop = asyncio.get_running_loop()

    def function(event):
        asyncio.run_coroutine_threadsafe(released.wait(), loop).result()
        return ACCEPTED

    broadcast.function = function
    task = relays.start(parallel=1)
    await wait_for_lease(publisher, task)
    for number in range(50):
        publisher.publish("deals:books", json.dumps(deal(number)))

    recorded = await until(lambda: dead_letters(publisher))
    released.set()
    assert "buffer is full" in recorded[0]["reason"]
    await until(lambda: len(broadcast.events) + task.relay.report.lost == 50)
    # A loss is counted before its dead letter is written.
    await until(lambda: len(dead_letters(publisher)) == task.relay.report.lost)
