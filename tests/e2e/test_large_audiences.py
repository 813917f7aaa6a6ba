"""Audiences of any size, by the zips: planned as a stream, or read by statements of fifty groups."""

from __future__ import annotations

import asyncio
import json
import time
import uuid

import pytest

from realtime_core.ids import group_id
from realtime_core.subscriptions.dynamodb_statements import KEYS_MAX, SHARDS_MIN
from tests.e2e.shipped import ShippedFunction

DEAL = {"messageType": "dealUpdate", "data": {"title": "Kettle", "price": 30}}
PEOPLE = 12


@pytest.fixture(scope="module")
def broadcast(stack, tmp_path_factory):
    return ShippedFunction(stack, "broadcast", tmp_path_factory.mktemp("broadcast"))


@pytest.fixture
async def people(connects, user, topic):
    """People in a group each, some of them of `all-deals`."""
    connected = [await connects(f"{user}-{number}") for number in range(PEOPLE)]
    for number, person in enumerate(connected):
        await person.subscribe(topic if number % 3 else "all-deals", {"maxPrice": 100 + number})
    return connected


async def heard_once(people, event_id, topic):
    """Whether each person has heard an event, and none twice once the queues are empty."""
    await asyncio.gather(
        *[person.hears(lambda frame: frame.get("eventId") == event_id, within=60) for person in people]
    )
    await asyncio.sleep(1)
    return [
        sum(frame.get("eventId") == event_id for frame in person.heard if frame.get("topic") == topic)
        for person in people
    ]


async def test_large_audience_is_planned_by_invocations_one_after_the_other_and_nobody_twice(
    people, topic, stack, broadcast
):
    """The first has no time left after four people; the deployed function goes on from its note."""
    event_id = f"e-{uuid.uuid4()}"
    event = {**DEAL, "topic": topic, "eventId": event_id}

    options = {"milliseconds_left": 1_000, "AUDIENCE_IN_MEMORY_MAX": "4"}
    [result] = await asyncio.to_thread(broadcast.invoke_all, [event], **options)
    answer = json.loads(result["response"]["body"])
    assert (answer["queued"], answer["more"]) == (4, True), answer

    assert await heard_once(people, event_id, topic) == [1] * PEOPLE
    for queue in ("events", "deliveries"):
        await stack.emptied(queue)
    assert await heard_once(people, event_id, topic) == [1] * PEOPLE


@pytest.fixture
def many_groups(stack, topic):
    """Groups that match and have nobody, as after an attack."""
    with stack.table("subscriptions").batch_writer() as batch:
        for number in range(SHARDS_MIN):
            wanted = f'{{"price":{{"lte":{1_000 + number}}}}}'
            item = {"pk": f"t#{topic}", "sk": group_id(topic, wanted), "f": wanted, "n": 1}
            batch.put_item(Item={**item, "expires_at": int(time.time()) + 3_600})


async def test_event_that_matches_hundreds_of_groups_is_read_by_statements(people, many_groups, topic, stack):
    watched = {"service": "dynamodb", "operation": "ExecuteStatement", "delay_ms": 1}
    fault_id = stack.control("faults", watched)["fault_id"]
    try:
        answer = await asyncio.to_thread(stack.publish, topic=topic, data=DEAL["data"])
        [fault] = [each for each in stack.control("faults", method="GET") if each["fault_id"] == fault_id]
    finally:
        stack.control(f"faults/{fault_id}", method="DELETE")

    assert answer["total"] >= PEOPLE
    assert fault["hits"] >= (SHARDS_MIN + PEOPLE) // KEYS_MAX
    assert await heard_once(people, answer["eventId"], topic) == [1] * PEOPLE
