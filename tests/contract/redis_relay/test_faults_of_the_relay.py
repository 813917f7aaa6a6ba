"""Faults of the relay's own code: one message's stop no other, and a worker that dies ends the relay."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from redis_relay import channels, stream
from redis_relay.settings import GROUP, LEASE, STREAM
from tests.contract.redis_relay.conftest import add, dead_letters, deal, until, wait_for_lease
from tests.contract.redis_relay.lambda_endpoint import ACCEPTED

POISON = -1


@pytest.fixture
async def relay(relays, publisher):
    task = relays.start(parallel=2)
    await wait_for_lease(publisher, task)
    return task


def failing_on_poison(function, number_of):
    """Make a function raise what nobody expects for one event."""

    def wrapped(*arguments):
        if number_of(*arguments) == POISON:
            raise TypeError("a fault of ours")
        return function(*arguments)

    return wrapped


def publish(publisher, number):
    publisher.publish("deals:books", json.dumps(deal(number)))


def answer_that_nobody_expects(event):
    """`broadcast` as of a release that answers otherwise."""
    if event["data"]["n"] == POISON:
        return {"statusCode": 400, "body": '{"errors": 5}'}
    return ACCEPTED


async def test_channel_message_that_cannot_be_parsed_is_recorded_and_others_go_on(
    relay, publisher, broadcast, monkeypatch
):
    parse = failing_on_poison(channels.from_channel, lambda _, data: json.loads(data)["data"]["n"])
    monkeypatch.setattr(channels, "from_channel", parse)
    for number in (POISON, POISON, POISON, 1, 2, 3):
        publish(publisher, number)

    await until(lambda: set(broadcast.ids()) == {1, 2, 3})
    recorded = await until(lambda: len(dead_letters(publisher)) == 3 and dead_letters(publisher))
    assert {letter["source"] for letter in recorded} == {"deals:books"}
    assert "TypeError" in recorded[0]["reason"]
    assert not relay.done()


async def test_channel_message_whose_answer_nobody_expects_is_recorded_and_others_go_on(
    relay, publisher, broadcast, monkeypatch
):
    monkeypatch.setattr(channels, "RETRY_WITHIN_SECONDS", 0.3)
    broadcast.function = answer_that_nobody_expects
    for number in (POISON, POISON, 1, 2):
        publish(publisher, number)

    await until(lambda: {1, 2} <= set(broadcast.ids()))
    recorded = await until(lambda: len(dead_letters(publisher)) == 2 and dead_letters(publisher))
    assert "TypeError" in recorded[0]["reason"]
    assert not relay.done()


@pytest.mark.parametrize("fault", ["parse", "answer"])
async def test_entry_that_the_relay_fails_on_becomes_a_dead_letter_and_others_go_on(
    relay, publisher, broadcast, monkeypatch, fault
):
    if fault == "parse":
        parse = failing_on_poison(
            stream.from_entry, lambda _, fields: json.loads(fields[b"event"])["data"]["n"]
        )
        monkeypatch.setattr(stream, "from_entry", parse)
    else:
        broadcast.function = answer_that_nobody_expects
    for number in (POISON, 1, 2):
        add(publisher, number)

    await until(lambda: set(broadcast.ids()) == {1, 2})
    [letter] = await until(lambda: dead_letters(publisher))
    assert (letter["source"], letter["tries"]) == (STREAM, "5")
    assert "TypeError" in letter["reason"]
    await until(lambda: publisher.xpending(STREAM, GROUP)["pending"] == 0)
    assert not relay.done()


async def test_worker_that_dies_ends_the_relay_and_frees_the_lease(relays, relay, publisher, broadcast):
    """No thread can be started any more, say: whatever comes would wait for ever."""
    relays._pool.shutdown()
    publish(publisher, 1)

    with pytest.raises(RuntimeError, match="cannot schedule"):
        await relay
    assert not publisher.exists(LEASE), "a successor need not wait for its end"
    [letter] = dead_letters(publisher)
    assert json.loads(letter["event"]) == deal(1), "what was accepted is recorded"

    relays._pool = ThreadPoolExecutor(4)
    successor = relays.start()
    await wait_for_lease(publisher, successor)
    publish(publisher, 2)
    await until(lambda: broadcast.ids() == [2])


async def test_reader_of_the_stream_that_dies_ends_the_relay_and_loses_no_entry(
    relays, relay, publisher, broadcast
):
    relays._pool.shutdown()
    add(publisher, 1)

    with pytest.raises(RuntimeError, match="cannot schedule"):
        await relay
    assert not publisher.exists(LEASE)

    relays._pool = ThreadPoolExecutor(4)
    relays.start()
    await until(lambda: broadcast.ids() == [1])


async def test_worker_that_dies_while_the_relay_finishes_is_not_waited_for(relays, publisher, broadcast):
    task = relays.start(parallel=1, relay=3, drain=20)
    await wait_for_lease(publisher, task)

    def function(event):
        relays._pool.shutdown(wait=False)
        return ACCEPTED

    broadcast.function = function
    for number in range(3):
        publish(publisher, number)
    with pytest.raises(RuntimeError, match="cannot schedule"):
        await task
    assert len(dead_letters(publisher)) == 2


async def test_metrics_that_cannot_be_published_do_not_stop_the_relay(relays, publisher, broadcast):
    tries, room = [], []

    def emit(_):
        tries.append(1)
        if not room:
            raise OSError("no room")

    relays._add_metrics = emit
    task = relays.start(metrics=0.05)
    await wait_for_lease(publisher, task)
    await until(lambda: len(tries) > 2)
    publish(publisher, 1)
    await until(lambda: broadcast.ids() == [1])
    room.append(1)
