"""Events that wait at the same time: one invoke publishes them, and each is settled by its own result."""

import json
import threading

import pytest

from redis_relay.batching import EVENTS_MAX
from redis_relay.settings import GROUP, STREAM
from tests.contract.redis_relay.conftest import add, dead_letters, deal, until, wait_for_lease
from tests.contract.redis_relay.lambda_endpoint import ACCEPTED, Failed

REJECTED = {
    "statusCode": 400,
    "body": json.dumps({"broadcast": "rejected", "errors": [{"field": "data", "problem": "is odd"}]}),
}


@pytest.fixture
def held(broadcast):
    """The first event is held until it is let go, so that others come to wait."""
    let_go = threading.Event()

    def function(event):
        if event["data"].get("n") == "first":
            let_go.wait(20)
        return ACCEPTED

    broadcast.function = function
    yield let_go
    let_go.set()


async def settled(publisher):
    await until(lambda: publisher.xpending(STREAM, GROUP)["pending"] == 0)


async def test_entries_that_wait_are_published_by_one_invoke(relays, publisher, broadcast, held):
    add(publisher, "first")
    relays.start(parallel=1)
    await until(lambda: broadcast.tries)
    for number in range(2 * EVENTS_MAX):
        add(publisher, number)
    await until(lambda: publisher.xpending(STREAM, GROUP)["pending"] > EVENTS_MAX)
    held.set()

    await until(lambda: len(broadcast.events) == 2 * EVENTS_MAX + 1)
    await settled(publisher)
    assert max(len(payload.get("events", [])) for payload in broadcast.invokes) == EVENTS_MAX
    assert len(broadcast.invokes) < EVENTS_MAX


async def test_channel_messages_that_wait_are_published_by_one_invoke(relays, publisher, broadcast, held):
    await wait_for_lease(publisher, relays.start(parallel=1))
    publisher.publish("deals:books", json.dumps(deal("first")))
    await until(lambda: broadcast.tries)
    for number in range(EVENTS_MAX):
        publisher.publish("deals:books", json.dumps(deal(number)))
    await until(lambda: relays.relays[0]._channels._bytes > 25 * 40)
    held.set()

    await until(lambda: len(broadcast.events) == EVENTS_MAX + 1)
    assert len(broadcast.invokes) < EVENTS_MAX


async def test_an_entry_that_broadcast_fails_on_harms_none_that_was_published_with_it(
    relays, publisher, broadcast, held
):
    """A fault of a whole invoke does not say whose it is: each event is published alone then."""

    def function(event):
        if event["data"]["n"] == "first":
            held.wait(20)
        if event["data"]["n"] == "poison":
            raise Failed("KeyError")
        return REJECTED if event["data"]["n"] == "bad" else ACCEPTED

    broadcast.function = function
    add(publisher, "first")
    relays.start(parallel=1)
    await until(lambda: broadcast.tries)
    for number in (1, "poison", 2, "bad", 3):
        add(publisher, number)
    await until(lambda: publisher.xpending(STREAM, GROUP)["pending"] == 6)
    held.set()

    await until(lambda: {1, 2, 3} <= set(broadcast.ids()))
    await settled(publisher)
    letters = [
        (letter["reason"][:8], json.loads(letter["event"])["data"]["n"]) for letter in dead_letters(publisher)
    ]
    assert sorted(letters) == [("KeyError", "poison"), ("broadcas", "bad")]


async def test_an_entry_with_several_events_is_done_when_all_are_and_kept_with_what_is_wrong(
    relays, publisher, broadcast
):
    broadcast.function = lambda event: REJECTED if event["data"]["n"] == "bad" else ACCEPTED
    publisher.xadd(STREAM, {"event": json.dumps({"events": [deal(1), deal("bad"), deal(2)]})})
    relays.start()
    await until(lambda: broadcast.ids() == [1, 2])
    [letter] = await until(lambda: dead_letters(publisher))
    assert json.loads(letter["problems"]) == [{"field": "events[1].data", "problem": "is odd"}]
    await settled(publisher)
