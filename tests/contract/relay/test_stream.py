"""The stream `deals:events`: every entry is published, or put aside with the reason; at least once."""

import asyncio
import json
import threading
import time

import pytest
import redis.asyncio

from redis_relay.names import DEAD_LETTERS, FAULTS, GROUP, LEASE, STREAM
from tests.contract.relay.conftest import add, dead_letters, holding, until
from tests.contract.relay.lambda_endpoint import ACCEPTED, Failed, Throttled, slow


def pending(publisher):
    return publisher.xpending(STREAM, GROUP)["pending"]


async def settled(publisher):
    """Nothing is pending, and nothing is left to be read."""
    await until(lambda: publisher.exists(STREAM) and publisher.xinfo_groups(STREAM))

    def done():
        [group] = [one for one in publisher.xinfo_groups(STREAM) if one["name"] == GROUP]
        return not group["pending"] and not publisher.xrange(STREAM, "(" + group["last-delivered-id"], "+", 1)

    await until(done)


async def test_entries_of_before_the_first_relay_are_published_with_ids_of_their_own(
    relays, publisher, broadcast
):
    ids = [add(publisher, number, topic="books") for number in range(3)]
    publisher.xadd(
        STREAM, {"event": json.dumps({"messageType": "n", "data": {"n": 3}, "recipients": ["ann"]})}
    )
    add(publisher, 4, eventId="its-own")
    relays.start()
    await until(lambda: len(broadcast.events) == 5)
    by_number = {event["data"]["n"]: event for event in broadcast.events}
    assert [by_number[n]["eventId"].rpartition(":")[0] for n in range(3)] == [f"stream:{one}" for one in ids]
    assert by_number[3]["recipients"] == ["ann"]
    assert by_number[4]["eventId"] == "its-own"
    await settled(publisher)


async def test_entry_is_acknowledged_only_when_it_was_published(relays, publisher, broadcast):
    broadcast.function = slow(0.5)
    add(publisher)
    relays.start()
    await until(lambda: broadcast.tries)
    assert pending(publisher) == 1
    await until(lambda: broadcast.events)
    await settled(publisher)


async def test_several_are_with_broadcast_at_once_but_no_more_than_allowed(relays, publisher, broadcast):
    broadcast.function = slow(0.05)
    for number in range(40):
        add(publisher, number)
    relays.start(parallel=5)
    await until(lambda: len(broadcast.events) == 40)
    assert 2 < broadcast.most_at_once <= 5


async def test_entries_of_a_consumer_that_died_are_claimed_under_the_same_ids(relays, publisher, broadcast):
    add(publisher, 1)
    publisher.xgroup_create(STREAM, GROUP, id="0")
    publisher.xreadgroup(GROUP, "dead", {STREAM: ">"})
    publisher.xgroup_createconsumer(STREAM, GROUP, "dead-and-idle")
    relays.start()
    [event] = await until(lambda: broadcast.events)
    assert event["eventId"].startswith("stream:")
    await until(lambda: len(publisher.xinfo_consumers(STREAM, GROUP)) == 1)


async def test_relay_that_dies_leaves_nothing_undone(relays, publisher, broadcast):
    broadcast.function = slow(0.2)
    for number in range(20):
        add(publisher, number)
    dead = relays.start(lease=1)
    await until(lambda: len(broadcast.events) > 2)
    dead.cancel()
    await until(lambda: not publisher.exists(LEASE))
    relays.start(lease=1)
    await until(lambda: set(broadcast.ids()) == set(range(20)))
    await settled(publisher)
    one_id_each = {event["data"]["n"]: event["eventId"] for event in broadcast.tries}
    assert len({event["eventId"] for event in broadcast.tries}) == len(one_id_each) == 20


async def test_relay_that_ends_leaves_its_open_entries_to_be_claimed_at_once(relays, publisher, broadcast):
    def throttled(event):
        raise Throttled

    broadcast.function = throttled
    first = relays.start(relay=3, claim_idle=3600)
    await holding(publisher, first)
    add(publisher)
    await until(lambda: broadcast.tries)
    relays.start(handover=3, claim_idle=3600)
    await first
    broadcast.function = lambda event: ACCEPTED
    await until(lambda: broadcast.events)


async def test_poison_is_put_aside_after_five_faults_and_stops_nobody(relays, publisher, broadcast):
    def function(event):
        if event["data"]["n"] == 13:
            raise Failed("KeyError")
        return ACCEPTED

    broadcast.function = function
    entry_id = add(publisher, 13)
    for number in range(5):
        add(publisher, number)
    relays.start()
    [letter] = await until(lambda: dead_letters(publisher))
    assert (letter["source"], letter["id"], letter["tries"]) == (STREAM, entry_id, "5")
    assert letter["reason"].startswith("KeyError")
    assert abs(int(letter["at"]) - time.time() * 1000) < 30_000
    assert json.loads(letter["event"])["data"] == {"n": 13}
    assert [event["data"]["n"] for event in broadcast.tries].count(13) == 5
    assert sorted(broadcast.ids()) == [0, 1, 2, 3, 4]
    await settled(publisher)
    assert not publisher.exists(FAULTS)


async def test_faults_are_counted_on_by_whoever_claims_the_entry(relays, publisher, broadcast):
    def function(event):
        raise Failed("KeyError")

    broadcast.function = function
    # The first never tries twice, and is not cut off within a try: one that is not counted would be a sixth.
    first = relays.start(retry_base=1e9, retry_cap=1e9)
    entry_id = add(publisher)
    await until(lambda: publisher.hget(FAULTS, entry_id))
    first.cancel()
    await asyncio.wait([first])
    publisher.delete(LEASE)
    assert publisher.hget(FAULTS, entry_id) == "1"
    relays.start()
    await until(lambda: dead_letters(publisher))
    assert len(broadcast.tries) == 5


async def test_entry_that_is_settled_while_its_claim_is_answered_is_published_once(
    relays, publisher, broadcast, monkeypatch
):
    """A relay claims its own entries too, once they have been with `broadcast` for long."""
    claimed, answered = threading.Event(), redis.asyncio.Redis.xautoclaim

    async def answered_late(client, *arguments):
        answer = await answered(client, *arguments)
        if answer[1]:
            claimed.set()
            await until(lambda: task.relay.tally.forwarded)
        return answer

    def function(event):
        claimed.wait(10)
        return ACCEPTED

    monkeypatch.setattr(redis.asyncio.Redis, "xautoclaim", answered_late)
    broadcast.function = function
    add(publisher, 1)
    task = relays.start(parallel=1)
    await until(claimed.is_set)
    add(publisher, 2)
    await until(lambda: len(broadcast.events) > 1)
    assert broadcast.ids() == [1, 2]


@pytest.mark.parametrize("trouble", [Throttled, lambda: Failed("StoreUnavailable")])
async def test_entries_wait_while_broadcast_cannot_take_them_however_long(
    relays, publisher, broadcast, trouble
):
    def function(event):
        raise trouble()

    broadcast.function = function
    relays.start()
    add(publisher)
    await until(lambda: len(broadcast.tries) > 8)
    assert not dead_letters(publisher)
    assert pending(publisher) == 1
    broadcast.function = lambda event: ACCEPTED
    await until(lambda: broadcast.events)


@pytest.mark.parametrize(
    ("fields", "at_fault"),
    [
        ({"event": "no json"}, "event"),
        ({"event": "[]"}, "event"),
        ({"event": '{"messageType":"m","data":{},"colour":1}'}, "colour"),
        ({"event": '{"data":[]}'}, "data"),
        ({"event": '{"messageType":"m","data":{},"topic":"A B"}'}, "topic"),
        ({"event": json.dumps({"messageType": "m", "data": {"x": "y" * 140_000}})}, "data"),
        ({"event": json.dumps({"messageType": "m", "data": {}, "filters": {"x": "y" * 270_000}})}, "event"),
        ({"payload": "{}"}, "event"),
        ({"event": '{"messageType":"m","data":{}}', "more": "x"}, "more"),
    ],
)
async def test_entry_that_breaks_the_contract_is_put_aside_at_once(
    relays, publisher, broadcast, fields, at_fault
):
    entry_id = publisher.xadd(STREAM, fields)
    relays.start()
    await until(lambda: publisher.xlen(DEAD_LETTERS))
    [(_, letter)] = publisher.xrange(DEAD_LETTERS)
    assert (letter["source"], letter["id"]) == (STREAM, entry_id)
    assert at_fault in [problem["field"] for problem in json.loads(letter["problems"])]
    assert not broadcast.tries
    await settled(publisher)


async def test_what_broadcast_itself_rejects_is_put_aside_with_its_words(relays, publisher, broadcast):
    errors = [{"field": "data.price", "problem": "must be a number"}]
    broadcast.function = lambda event: {
        "statusCode": 400,
        "body": json.dumps({"broadcast": "rejected", "errors": errors}),
    }
    add(publisher)
    relays.start()
    [letter] = await until(lambda: dead_letters(publisher))
    assert json.loads(letter["problems"]) == errors
    assert len(broadcast.tries) == 1


@pytest.mark.parametrize(
    ("channel", "text", "field"),
    [
        ("deals:books", "no json", "message"),
        ("deals:books", '{"messageType":"m","data":{},"topic":"games"}', "topic"),
        ("deals:Books", '{"messageType":"m","data":{}}', "topic"),
        ("deals:books", '{"messageType":"m","data":{},"recipients":["ann"]}', "recipients"),
        ("deals:books", '{"messageType":"m"}', "data"),
        ("deals:books", "x" * 300_000, "message"),
    ],
)
async def test_channel_message_that_breaks_the_contract_is_recorded_with_its_channel(
    relays, publisher, channel, text, field
):
    await holding(publisher, relays.start())
    publisher.publish(channel, text)
    [letter] = await until(lambda: dead_letters(publisher))
    assert letter["source"] == channel
    assert field in [problem["field"] for problem in json.loads(letter["problems"])]
    assert int(letter["bytes"]) == len(text)


async def test_trimming_keeps_what_another_group_still_needs(relays, publisher, broadcast):
    ids = [add(publisher, number) for number in range(10)]
    publisher.xgroup_create(STREAM, "audit", id="0")
    publisher.xreadgroup("audit", "one", {STREAM: ">"}, count=6)
    publisher.xack(STREAM, "audit", *ids[:3])
    relays.start()
    await until(lambda: len(broadcast.events) == 10)
    await until(lambda: publisher.xrange(STREAM)[0][0] == ids[3])
    await asyncio.sleep(0.5)
    assert [one for one, _ in publisher.xrange(STREAM)] == ids[3:], (
        "pending, or not read, for the other group"
    )
    publisher.xreadgroup("audit", "one", {STREAM: ">"})
    publisher.xack(STREAM, "audit", *ids)
    await until(lambda: publisher.xlen(STREAM) <= 1)


async def test_trimming_keeps_what_is_young(relays, publisher, broadcast):
    for number in range(5):
        add(publisher, number)
    relays.start(stream_keep=60)
    await until(lambda: len(broadcast.events) == 5)
    await settled(publisher)
    await asyncio.sleep(0.5)
    assert publisher.xlen(STREAM) == 5


async def test_lag_tells_how_long_the_oldest_entry_has_waited(relays, publisher, broadcast):
    def throttled(event):
        raise Throttled

    broadcast.function = throttled
    task = relays.start()
    add(publisher)
    await until(lambda: task.relay.tally.stream_lag > 1)
    broadcast.function = lambda event: ACCEPTED
    await until(lambda: task.relay.tally.stream_lag == 0)
