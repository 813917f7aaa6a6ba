"""The stream `deals:events`: every entry is published at least once, or becomes a dead dead_letter."""

import asyncio
import json
import threading
import time

import pytest
import redis.asyncio

from redis_relay.dead_letters import KEPT, DeadLetter, add_dead_letter
from redis_relay.settings import DEAD_LETTERS, FAULTS, GROUP, LEASE, STREAM
from tests.contract.redis_relay.conftest import add, dead_letters, until, wait_for_lease
from tests.contract.redis_relay.lambda_endpoint import ACCEPTED, Failed, Throttled, slow


def pending(publisher):
    return publisher.xpending(STREAM, GROUP)["pending"]


async def settled(publisher):
    """Wait until the relay has read every entry, and none is pending."""
    await until(lambda: publisher.exists(STREAM) and publisher.xinfo_groups(STREAM))

    def done():
        [group] = [info for info in publisher.xinfo_groups(STREAM) if info["name"] == GROUP]
        return not group["pending"] and not publisher.xrange(STREAM, "(" + group["last-delivered-id"], "+", 1)

    await until(done)


async def test_entries_older_than_the_first_relay_are_published_with_their_own_ids(
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
    assert [by_number[n]["eventId"].rpartition(":")[0] for n in range(3)] == [
        f"stream:{entry_id}" for entry_id in ids
    ]
    assert by_number[3]["recipients"] == ["ann"]
    assert by_number[4]["eventId"] == "its-own"
    await settled(publisher)


async def test_entry_is_acknowledged_only_after_it_was_published(relays, publisher, broadcast):
    broadcast.function = slow(0.5)
    add(publisher)
    relays.start()
    await until(lambda: broadcast.tries)
    assert pending(publisher) == 1
    await until(lambda: broadcast.events)
    await settled(publisher)


async def test_entries_are_published_in_parallel_up_to_the_limit(relays, publisher, broadcast):
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


async def test_entries_of_a_relay_that_died_are_published_by_the_next(relays, publisher, broadcast):
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
    id_by_number = {event["data"]["n"]: event["eventId"] for event in broadcast.tries}
    assert len({event["eventId"] for event in broadcast.tries}) == len(id_by_number) == 20


async def test_pending_entries_of_a_relay_that_ends_are_claimed_at_once(relays, publisher, broadcast):
    def throttled(event):
        raise Throttled

    broadcast.function = throttled
    first = relays.start(relay=3, claim_idle=3600)
    await wait_for_lease(publisher, first)
    add(publisher)
    await until(lambda: broadcast.tries)
    relays.start(handover=3, claim_idle=3600)
    await first
    broadcast.function = lambda event: ACCEPTED
    await until(lambda: broadcast.events)


async def test_poison_entry_is_dead_lettered_after_five_faults_and_holds_up_no_others(
    relays, publisher, broadcast
):
    def function(event):
        if event["data"]["n"] == 13:
            raise Failed("KeyError")
        return ACCEPTED

    broadcast.function = function
    entry_id = add(publisher, 13)
    for number in range(5):
        add(publisher, number)
    relays.start()

    [dead_letter] = await until(lambda: dead_letters(publisher))
    assert (dead_letter["source"], dead_letter["id"], dead_letter["tries"]) == (STREAM, entry_id, "5")
    assert dead_letter["reason"].startswith("KeyError")
    assert abs(int(dead_letter["at"]) - time.time() * 1000) < 30_000
    assert json.loads(dead_letter["event"])["data"] == {"n": 13}

    assert [event["data"]["n"] for event in broadcast.tries].count(13) == 5
    assert sorted(broadcast.ids()) == [0, 1, 2, 3, 4]
    await settled(publisher)
    assert not publisher.exists(FAULTS)


async def test_faults_are_counted_on_by_the_consumer_that_claims_the_entry(relays, publisher, broadcast):
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
            await until(lambda: task.relay.report.forwarded)
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


@pytest.mark.parametrize("error", [Throttled, lambda: Failed("StoreUnavailable")])
async def test_entries_wait_for_as_long_as_broadcast_is_unavailable(relays, publisher, broadcast, error):
    def function(event):
        raise error()

    broadcast.function = function
    relays.start()
    add(publisher)
    await until(lambda: len(broadcast.tries) > 8)
    assert not dead_letters(publisher)
    assert pending(publisher) == 1
    broadcast.function = lambda event: ACCEPTED
    await until(lambda: broadcast.events)


@pytest.mark.parametrize(
    ("fields", "invalid"),
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
async def test_entry_that_breaks_the_contract_is_dead_lettered_at_once(
    relays, publisher, broadcast, fields, invalid
):
    entry_id = publisher.xadd(STREAM, fields)
    relays.start()
    await until(lambda: publisher.xlen(DEAD_LETTERS))
    [(_, dead_letter)] = publisher.xrange(DEAD_LETTERS)
    assert (dead_letter["source"], dead_letter["id"]) == (STREAM, entry_id)
    assert invalid in [problem["field"] for problem in json.loads(dead_letter["problems"])]
    assert not broadcast.tries
    await settled(publisher)


async def test_entry_that_broadcast_rejects_is_dead_lettered_with_its_problems(relays, publisher, broadcast):
    errors = [{"field": "data.price", "problem": "must be a number"}]
    broadcast.function = lambda event: {
        "statusCode": 400,
        "body": json.dumps({"broadcast": "rejected", "errors": errors}),
    }
    add(publisher)
    relays.start()
    [dead_letter] = await until(lambda: dead_letters(publisher))
    assert json.loads(dead_letter["problems"]) == errors
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
async def test_channel_message_that_breaks_the_contract_is_dead_lettered_with_its_channel(
    relays, publisher, channel, text, field
):
    await wait_for_lease(publisher, relays.start())
    publisher.publish(channel, text)
    [dead_letter] = await until(lambda: dead_letters(publisher))
    assert dead_letter["source"] == channel
    assert field in [problem["field"] for problem in json.loads(dead_letter["problems"])]
    assert int(dead_letter["bytes"]) == len(text)


async def test_trimming_keeps_entries_that_another_group_needs(relays, publisher, broadcast):
    ids = [add(publisher, number) for number in range(10)]
    publisher.xgroup_create(STREAM, "audit", id="0")
    publisher.xreadgroup("audit", "auditor", {STREAM: ">"}, count=6)
    publisher.xack(STREAM, "audit", *ids[:3])
    relays.start()
    await until(lambda: len(broadcast.events) == 10)
    await until(lambda: publisher.xrange(STREAM)[0][0] == ids[3])
    await asyncio.sleep(0.5)
    assert [entry_id for entry_id, _ in publisher.xrange(STREAM)] == ids[3:], "the other group needs these"
    publisher.xreadgroup("audit", "auditor", {STREAM: ">"})
    publisher.xack(STREAM, "audit", *ids)
    await until(lambda: publisher.xlen(STREAM) <= 1)


async def test_trimming_keeps_young_entries(relays, publisher, broadcast):
    for number in range(5):
        add(publisher, number)
    relays.start(stream_keep=60)
    await until(lambda: len(broadcast.events) == 5)
    await settled(publisher)
    await asyncio.sleep(0.5)
    assert publisher.xlen(STREAM) == 5


async def test_lag_is_the_age_of_the_oldest_unfinished_entry(relays, publisher, broadcast):
    def throttled(event):
        raise Throttled

    broadcast.function = throttled
    task = relays.start()
    add(publisher)
    await until(lambda: task.relay.report.stream_lag > 1)
    broadcast.function = lambda event: ACCEPTED
    await until(lambda: task.relay.report.stream_lag == 0)


async def test_dead_letters_are_the_newest_ten_thousand(publisher):
    with publisher.pipeline(transaction=False) as pipe:
        for number in range(KEPT + 500):
            add_dead_letter(pipe, DeadLetter("deals:books", b"{}", str(number)))
        pipe.execute()
    # Redis removes whole nodes of a hundred.
    assert KEPT <= publisher.xlen(DEAD_LETTERS) < KEPT + 200
    [(_, newest)] = publisher.xrevrange(DEAD_LETTERS, count=1)
    assert newest["reason"] == str(KEPT + 499)
