"""Protocol, "Actions": `recent` and `getEvents`, the first picture of a page and the pages of a replay."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.e2e.test_resume import titles


def publish_many(stack, topic, count, first=0, **data):
    """Publish events in envelopes; return their positions."""
    events = [
        {"messageType": "dealUpdate", "topic": topic, "data": {"title": f"{number}", "price": number, **data}}
        for number in range(first, first + count)
    ]
    results = []
    for start in range(0, count, 50):
        results += stack.invoke("broadcast", {"events": events[start : start + 50]})["results"]
    return [result["position"] for result in results]


async def test_subscription_brings_the_newest_matching_events_of_before(connects, user, topic, stack):
    publish_many(stack, topic, 10)
    publish_many(stack, f"{topic}.other", 3)
    person = await connects(user)
    reply = await person.ask(
        "subscribeToDeals", {"topic": topic, "recent": 3, "filters": {"price": {"lt": 8}}}
    )
    assert reply["type"] == "subscriptionConfirmed"
    assert titles(reply) == ["5", "6", "7"]
    assert "recovered" not in reply["data"]

    # It is in force, and its position is one to resume from.
    live = stack.publish(topic=topic, data={"title": "live", "price": 1})
    frame = await person.hears("dealUpdate")
    assert frame["position"] == live["position"] > reply["data"]["position"]
    again = await person.ask("getEvents", {"topic": topic, "since": reply["data"]["position"]})
    assert (titles(again), again["data"]["recovered"]) == (["live"], True)
    assert again["data"]["events"] == [{name: frame[name] for name in again["data"]["events"][0]}]


async def test_first_picture_comes_in_place_of_a_replay_that_is_not_whole(connects, user, topic, stack):
    first, *_, last = publish_many(stack, topic, 5)
    person = await connects(user)
    whole = await person.ask("subscribeToDeals", {"topic": topic, "since": first, "recent": 2})
    assert (whole["data"]["recovered"], whole["data"]["position"] >= last) == (True, True)
    assert titles(whole)[-4:] == ["1", "2", "3", "4"]

    for since in (1, last + 10**9):
        reply = await person.ask("subscribeToDeals", {"topic": topic, "since": since, "recent": 2})
        assert (reply["data"]["recovered"], titles(reply)) == (False, ["3", "4"])
        assert "more" not in reply["data"]


async def test_pages_of_a_replay_are_read_without_subscribing(connects, user, topic, stack):
    start = publish_many(stack, topic, 1)[0]
    publish_many(stack, topic, 30, first=1, pad="x" * 3_000)
    person = await connects(user)
    confirmed = await person.ask("subscribeToDeals", {"topic": topic, "since": start})
    read, reply = titles(confirmed), confirmed
    while reply["data"].get("more"):
        page = {"topic": topic, "since": reply["data"]["position"]}
        reply = await person.ask("getEvents", page)
        assert reply["type"] == "events"
        assert set(reply["data"]) - {"more"} == {"topic", "events", "position", "recovered"}
        assert reply["data"]["topic"] == topic
        read += titles(reply)
    assert sorted(set(read), key=int) == [str(number) for number in range(31)][-len(set(read)) :]
    assert set(read) >= {str(number) for number in range(1, 31)}

    stranger = await connects(f"{user}-reader")
    reply = await stranger.ask("getEvents", {"topic": topic, "recent": 2, "filters": {"maxPrice": 20}})
    assert (titles(reply), reply["data"]["recovered"]) == (["19", "20"], True)
    stack.publish(topic=topic, data={"title": "live"})
    await person.hears("dealUpdate")
    await stranger.ask("ping")
    assert not stranger.all_heard("dealUpdate"), "it changes nothing"


@pytest.mark.parametrize(
    ("action", "data", "field"),
    [
        ("subscribeToDeals", {"recent": 101}, "data.recent"),
        ("subscribeToDeals", {"recent": 0}, "data.recent"),
        ("getEvents", {}, "data.since"),
        ("getEvents", {"since": 1, "recent": 1}, "data.recent"),
        ("getEvents", {"since": 1, "limit": 1}, "data.limit"),
    ],
)
async def test_look_back_without_bounds_is_refused(connects, user, action, data, field):
    person = await connects(user)
    reply = await person.ask(action, data)
    assert reply["data"]["code"] == "VALIDATION_ERROR"
    assert reply["data"]["details"][0]["field"] == field


async def test_fifty_subscriptions_are_renewed_at_once_and_read_on_at_once(connects, user, topic, stack):
    """With room for the next connection's first ones: the burst is 60."""
    position = publish_many(stack, topic, 1)[0]
    person = await connects(user)
    topics = [f"{topic}.n{number}" for number in range(50)]
    renewed = await asyncio.gather(
        *(person.ask("subscribeToDeals", {"topic": name, "since": position}) for name in topics)
    )
    assert [reply for reply in renewed if reply["type"] != "subscriptionConfirmed"] == []
    read = await asyncio.gather(
        *(person.ask("getEvents", {"topic": name, "since": position}) for name in topics)
    )
    assert [reply for reply in read if reply["type"] != "events"] == []
    assert (await person.ask("subscribeToDeals", {"topic": topic}))["type"] == "error", "50 is the maximum"


async def test_look_back_is_held_to_the_topics_of_the_token(connects, user, topic, stack):
    """By those of a refresh at once, and on every connection of the user."""
    private = f"private.{topic}"
    publish_many(stack, topic, 2)
    publish_many(stack, private, 2)
    person = await connects(user, topics=[topic, private])
    assert titles(await person.ask("getEvents", {"topic": private, "recent": 5})) == ["0", "1"]
    for other in ("all-deals", f"{topic}.other"):
        for look in ({"recent": 5}, {"since": 0}):
            reply = await person.ask("getEvents", {"topic": other, **look})
            assert (reply["data"]["code"], reply["data"]["details"]) == (
                "FORBIDDEN",
                {"reason": "topic", "topic": other},
            )
        reply = await person.ask("subscribeToDeals", {"topic": other, "recent": 5})
        assert reply["data"]["code"] == "FORBIDDEN"

    narrower = stack.token(user, topics=[topic], exp=int(time.time()) + 7200)
    assert (await person.ask("refreshToken", {"token": narrower}))["type"] == "tokenRefreshed"
    reply = await person.ask("getEvents", {"topic": private, "recent": 5})
    assert reply["data"]["code"] == "FORBIDDEN"
    assert titles(await person.ask("getEvents", {"topic": topic, "recent": 5})) == ["0", "1"]


async def test_private_topics_are_no_part_of_a_look_back_over_all(connects, user, topic, stack):
    publish_many(stack, topic, 1, mark=user)
    publish_many(stack, f"private.{topic}", 1, mark=user)
    person = await connects(user, topics=["*"])
    for look in ({"recent": 100}, {"since": 0}):
        reply = await person.ask("getEvents", {"filters": {"mark": user}, **look})
        assert {event["topic"] for event in reply["data"]["events"]} <= {topic}
