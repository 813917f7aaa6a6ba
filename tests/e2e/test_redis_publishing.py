"""Protocol, "Publishing": the publish paths through Redis, from the publisher's call to the socket."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from contextlib import AsyncExitStack

import pytest
import redis

from local_cloud.client import Person
from local_cloud.stack import ROOT

# The first of these tests waits for the stack, and a first apply for the cache takes minutes.
pytestmark = pytest.mark.timeout(600)

DEAL = {"title": "Espresso machine", "category": "home", "price": 599}
LISTENING_WITHIN_SECONDS = 30


@pytest.fixture
def publisher(redis_stack):
    access = redis_stack.stack.redis
    return redis.Redis.from_url(access.url, decode_responses=True, **access.options())


@pytest.fixture
async def subscribe(redis_stack):
    """Connects a user and subscribes it to a topic."""
    async with AsyncExitStack() as people:

        async def connect(user_id, topic):
            token = redis_stack.token(user_id)
            person = await Person.connect(
                redis_stack.websocket_url, additional_headers={"Authorization": f"Bearer {token}"}
            )
            people.push_async_callback(person.leave)
            await person.subscribe(topic, {"maxPrice": 700})
            return person

        yield connect


async def wait_for_relay(publisher):
    """Wait until a relay holds the lease."""
    deadline = time.monotonic() + LISTENING_WITHIN_SECONDS
    while not publisher.exists("deals:relay:lease"):
        assert time.monotonic() < deadline, "no relay holds the lease"
        await asyncio.sleep(0.1)


async def test_private_events_through_redis_reach_no_subscriber_of_all_deals(
    redis_stack, user, topic, publisher
):
    """By a channel, the stream and an invoke, with the members read from the index."""
    private = f"private.{topic}"
    people = {}
    async with AsyncExitStack() as stack:
        for name, claims in (("all-deals", {}), (private, {"topics": [private]})):
            token = redis_stack.token(f"{user}-{name[:3]}", **claims)
            headers = {"Authorization": f"Bearer {token}"}
            people[name] = await Person.connect(redis_stack.websocket_url, additional_headers=headers)
            stack.push_async_callback(people[name].leave)
            await people[name].subscribe(name, {"mark": user})

        await wait_for_relay(publisher)
        secret = {"messageType": "dealUpdate", "topic": private, "data": {"mark": user, "by": "stream"}}
        publisher.xadd("deals:events", {"event": json.dumps(secret)})
        channel = {"messageType": "dealUpdate", "data": {"mark": user, "by": "channel"}}
        publisher.publish(f"deals:{private}", json.dumps(channel))
        redis_stack.publish(topic=private, data={"mark": user, "by": "invoke"})
        for by in ("stream", "channel", "invoke"):
            await people[private].hears(lambda frame, by=by: frame.get("data", {}).get("by") == by)

        redis_stack.publish(topic=topic, data={"mark": user, "by": "public"})
        await people["all-deals"].hears(lambda frame: frame.get("data", {}).get("by") == "public")
        assert [frame["topic"] for frame in people["all-deals"].all_heard("dealUpdate")] == [topic]


async def test_stream_entry_reaches_matching_subscribers_once(subscribe, user, topic, publisher):
    person = await subscribe(user, topic)
    for price in (599, 800):
        event = {"messageType": "dealUpdate", "topic": topic, "data": {**DEAL, "price": price}}
        entry_id = publisher.xadd("deals:events", {"event": json.dumps(event)})
        if price == 599:
            matching_id = entry_id

    frame = await person.hears("dealUpdate")
    assert frame["data"] == DEAL
    assert frame["eventId"].startswith(f"stream:{matching_id}:")
    await asyncio.sleep(0.5)
    assert len(person.all_heard("dealUpdate")) == 1


async def test_channel_message_reaches_the_subscribers_of_its_topic(subscribe, user, topic, publisher):
    person, other = await subscribe(user, topic), await subscribe(f"{user}-other", f"{topic}.other")
    await wait_for_relay(publisher)
    receivers = publisher.publish(f"deals:{topic}", json.dumps({"messageType": "flashSale", "data": DEAL}))
    assert receivers == 1
    frame = await person.hears("flashSale")
    assert (frame["data"], frame["topic"]) == (DEAL, topic)
    await other.ask("ping")
    assert not other.all_heard("flashSale")


async def test_invalid_stream_entry_becomes_a_dead_letter_with_the_reason(publisher, redis_stack):
    invalid = {"messageType": "m", "data": {}, "colour": 1}
    entry_id = publisher.xadd("deals:events", {"event": json.dumps(invalid)})
    deadline = time.monotonic() + LISTENING_WITHIN_SECONDS
    while True:
        dead_letters = [fields for _, fields in publisher.xrange("deals:events:dead")]
        matching = [fields for fields in dead_letters if fields["id"] == entry_id]
        if matching:
            break
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)
    assert [problem["field"] for problem in json.loads(matching[0]["problems"])] == ["colour"]


async def test_relay_recovers_after_redis_was_unreachable(subscribe, user, topic, publisher, redis_stack):
    person = await subscribe(user, topic)
    await wait_for_relay(publisher)
    redis_stack.control("redis", {"state": "cut"})
    await asyncio.sleep(1)
    redis_stack.control("redis", {"state": "open"})
    event = {"messageType": "dealUpdate", "topic": topic, "data": DEAL}
    publisher.xadd("deals:events", {"event": json.dumps(event)})
    await person.hears("dealUpdate", within=30)


async def test_example_publishes_by_every_path(subscribe, publisher, redis_stack):
    person = await subscribe("you", "books")
    await wait_for_relay(publisher)
    access, outputs = redis_stack.stack.redis, redis_stack.outputs
    variables = {
        "AWS_ENDPOINT_URL": redis_stack.stack.endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "BROADCAST_FUNCTION": outputs["function_arns"]["broadcast"],
        "EVENTS_QUEUE_URL": outputs["queue_urls"]["events"],
        "PUBLISH_API_URL": outputs["publish_api_url"],
        "PUBLISH_TOKEN": redis_stack.token("shop", scope="publish"),
        "REDIS_URL": access.url,
        "REDIS_PASSWORD_FILE": str(access.password_file),
        **({"REDIS_CA_FILE": str(access.authorities)} if access.authorities else {}),
    }

    completed = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "examples/publisher.py"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert completed.returncode == 0, completed.stderr

    for path in ("invoke", "queue", "HTTP", "Redis stream", "Redis channel"):
        await person.hears(lambda frame: frame.get("data", {}).get("title") == f"Atlas, {path}")  # noqa: B023
    await person.hears(lambda frame: frame.get("data", {}).get("content") == "Your order has left")
    await person.hears(lambda frame: frame.get("data", {}).get("title") == "Sale")


async def test_entry_with_several_events_reaches_each_subscriber_once(subscribe, user, topic, publisher):
    person = await subscribe(user, topic)
    events = [
        {"messageType": "dealUpdate", "topic": topic, "data": {**DEAL, "n": number}} for number in range(3)
    ]
    publisher.xadd("deals:events", {"event": json.dumps({"events": events})})
    await person.hears(lambda frame: frame.get("data", {}).get("n") == 2)
    await person.ask("ping")
    assert [frame["data"]["n"] for frame in person.all_heard("dealUpdate")] == [0, 1, 2]
