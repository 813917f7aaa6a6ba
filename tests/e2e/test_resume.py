"""Protocol, "Resume": a client reads what it missed, and a repeated publish makes no second event."""

from __future__ import annotations

import asyncio
import random
import uuid

import pytest


def titles(reply) -> list[str]:
    return [event["data"]["title"] for event in reply["data"]["events"]]


async def resume(person, topic, since, filters=None):
    """Subscribe from a position and return the confirmation."""
    reply = await person.ask("subscribeToDeals", {"topic": topic, "since": since, "filters": filters or {}})
    assert reply["type"] == "subscriptionConfirmed", reply
    return reply


async def test_positions_rise_and_are_in_responses_and_frames(connects, user, topic, stack):
    person = await connects(user)
    confirmed = await person.subscribe(topic)
    first = stack.publish(topic=topic, data={"title": "one"})
    second = stack.publish(topic=f"{topic}.other", data={"title": "two"})
    assert confirmed["data"]["position"] < first["position"] < second["position"]
    assert (await person.hears("dealUpdate"))["position"] == first["position"]


async def test_since_replays_missed_events_in_order_and_filtered(connects, user, topic, stack):
    person = await connects(user)
    await person.subscribe(topic, {"maxPrice": 100})
    seen = stack.publish(topic=topic, data={"title": "seen", "price": 5})["position"]
    await person.hears("dealUpdate")
    await person.leave()

    for title, price in (("missed 1", 10), ("too dear", 500), ("missed 2", 20)):
        stack.publish(topic=topic, data={"title": title, "price": price})
    stack.publish(topic=f"{topic}.other", data={"title": "elsewhere", "price": 1})

    back = await connects(user)
    reply = await resume(back, topic, seen, {"maxPrice": 100})
    assert titles(reply) == ["missed 1", "missed 2"]
    assert reply["data"]["recovered"] is True
    assert "more" not in reply["data"]
    for event in reply["data"]["events"]:
        assert {"type", "data", "topic", "eventId", "position", "timestamp"} <= set(event)

    stack.publish(topic=topic, data={"title": "live", "price": 1})
    assert (await back.hears("dealUpdate"))["data"]["title"] == "live"


async def test_since_on_all_deals_replays_every_topic(connects, user, topic, stack):
    start = stack.publish(topic=topic, data={"title": "start", "mark": user})["position"]
    stack.publish(topic=f"{topic}.a", data={"title": "a", "mark": user})
    stack.publish(topic=f"{topic}.b", data={"title": "b", "mark": user})
    person = await connects(user)
    assert titles(await resume(person, "all-deals", start, {"mark": user})) == ["a", "b"]


async def test_long_absence_is_replayed_in_pages(connects, user, topic, stack):
    start = stack.publish(topic=topic, data={"title": "start"})["position"]
    for number in range(12):
        stack.publish(topic=topic, data={"title": f"{number}", "pad": "x" * 6000})
    person = await connects(user)
    read, since, pages = [], start, 0
    while True:
        reply = await resume(person, topic, since)
        read += titles(reply)
        pages += 1
        assert len(person.raw[-1].encode()) <= 32 * 1024
        if not reply["data"].get("more"):
            break
        since = reply["data"]["position"]
    assert read == [str(number) for number in range(12)]
    assert pages >= 3


async def test_unknown_position_is_not_recovered(connects, user, topic):
    person = await connects(user)
    reply = await resume(person, topic, 10**12)
    assert (reply["data"]["recovered"], reply["data"]["events"]) == (False, [])


async def test_repeated_event_id_makes_one_event(connects, user, topic, stack):
    person = await connects(user)
    await person.subscribe(topic)
    event_id = f"e-{uuid.uuid4()}"
    responses = await asyncio.gather(
        *(
            asyncio.to_thread(stack.publish, topic=topic, data={"title": "once"}, eventId=event_id)
            for _ in range(4)
        )
    )
    assert len({str(sorted(response.items())) for response in responses}) == 1
    stack.send("events", {"messageType": "dealUpdate", "topic": topic, "data": {}, "eventId": event_id})
    stack.publish(topic=topic, data={"title": "last"})
    await person.hears(lambda frame: frame.get("data", {}).get("title") == "last")
    await asyncio.sleep(1)
    assert len(person.all_heard("dealUpdate")) == 2
    assert titles(await resume(person, topic, responses[0]["position"] - 1)) == ["once", "last"]


async def test_repeated_notification_is_in_the_inbox_once(connects, user, stack):
    person = await connects(user)
    event = {
        "messageType": "notification",
        "recipients": [user],
        "data": {"title": "Price drop"},
        "eventId": f"e-{uuid.uuid4()}",
    }
    first, again = stack.invoke("broadcast", event), stack.invoke("broadcast", event)
    assert first == again
    await person.hears("notification")
    assert len((await person.ask("getMessages"))["data"]["messages"]) == 1


async def test_repeated_request_id_sends_one_message(connects, user):
    sender, twin, recipient = [await connects(f"{user}-{name}") for name in ("ann", "ann", "bob")]
    message = {"recipientId": f"{user}-bob", "content": "once"}
    replies = await asyncio.gather(
        *(person.ask("sendMessage", message, requestId="same") for person in (sender, twin, sender, twin))
    )
    assert {reply["type"] for reply in replies} == {"messageSent"}
    assert len({str(sorted(reply["data"].items())) for reply in replies}) == 1
    await recipient.hears("messageReceived")
    await asyncio.sleep(0.5)
    assert len(recipient.all_heard("messageReceived")) == 1
    assert (await recipient.ask("getStatus"))["data"]["unread"] == 1


@pytest.mark.parametrize("seed", range(2))
async def test_flapping_client_misses_no_event_of_concurrent_publishers(connects, user, topic, stack, seed):
    """A client connects and leaves while others publish; it gets every matching event, replayed or live."""
    rng, expected, received = random.Random(seed), set(), set()
    stop = asyncio.Event()

    async def publish(name: str, events: int) -> None:
        for number in range(events):
            price = rng.choice([10, 1000])
            event_id = f"{user}-{name}-{number}"
            await asyncio.to_thread(
                stack.publish, topic=topic, data={"title": event_id, "price": price}, eventId=event_id
            )
            if price == 10:
                expected.add(event_id)

    async def flap(since: int) -> None:
        last_round = False
        while True:
            person = await connects(user)
            while True:
                data = (await resume(person, topic, since, {"maxPrice": 100}))["data"]
                assert data["recovered"]
                received.update(event["eventId"] for event in data["events"])
                since = max([since, *(event["position"] for event in data["events"])])
                if not data.get("more"):
                    break
                since = max(since, data["position"])
            if last_round:
                return

            await asyncio.sleep(rng.uniform(0.05, 0.6))
            await person.leave()
            live = person.all_heard("dealUpdate")
            received.update(frame["eventId"] for frame in live)
            since = max([since, *(frame["position"] for frame in live)])
            last_round = stop.is_set()

    start = stack.publish(topic=topic, data={"title": "start", "price": 1000})["position"]
    client = asyncio.create_task(flap(start))
    await asyncio.gather(*(publish(name, 12) for name in "abc"))
    stop.set()
    await client
    assert expected <= received, f"missed: {sorted(expected - received)}"
    assert received <= expected
