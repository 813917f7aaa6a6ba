"""Protocol, "Permissions": what a token permits, tried on real sockets, and every way around it."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
from websockets.exceptions import InvalidStatus

from tests.e2e.logs import Logs


@pytest.fixture
def private(topic):
    """A private topic that no other test uses."""
    return f"private.{topic}"


async def subscribe(person, topic, **data):
    """Ask for a subscription and return the reply."""
    return await person.ask("subscribeToDeals", {"topic": topic, **data})


async def forbidden(person, topic):
    """Expect that a subscription is forbidden, and that the error names the topic."""
    reply = await subscribe(person, topic)
    assert (reply["type"], reply["data"].get("code")) == ("error", "FORBIDDEN"), reply
    assert reply["data"]["details"] == {"reason": "topic", "topic": topic}


async def send(person, recipient):
    """Send a message; return the type of the reply, or the code and details of its error."""
    reply = await person.ask("sendMessage", {"recipientId": recipient, "content": "hi"})
    return reply["type"] if reply["type"] != "error" else (reply["data"]["code"], reply["data"]["details"])


async def refresh(person, stack, user, **claims):
    """Refresh to a token of other claims, which lives longer than any before."""
    expires = int(time.time()) + 7200 + len(person.heard)
    reply = await person.ask("refreshToken", {"token": stack.token(user, exp=expires, **claims)})
    assert reply["type"] == "tokenRefreshed", reply


async def connect_refused(connects, user, **claims):
    """Expect a refused handshake and return its HTTP status."""
    with pytest.raises(InvalidStatus) as refused:
        await connects(user, **claims)
    return refused.value.response.status_code


async def test_token_permits_the_topics_of_its_patterns_alone(connects, user, topic, private, stack):
    person = await connects(user, topics=[f"{topic}.*", private])
    for other in ("all-deals", topic, f"{topic}s.a", f"{private}.a", "private", "private.else"):
        await forbidden(person, other)
    for own in (f"{topic}.a", private):
        assert (await subscribe(person, own))["type"] == "subscriptionConfirmed"
    status = await person.ask("getStatus")
    assert {item["topic"] for item in status["data"]["subscriptions"]} == {f"{topic}.a", private}

    for other in (topic, f"{private}.a", f"{topic}.a", private):
        stack.publish(topic=other, data={"topic": other})
    await person.hears(lambda frame: frame.get("topic") == private)
    assert {frame["topic"] for frame in person.all_heard("dealUpdate")} == {f"{topic}.a", private}


async def test_token_without_permissions_may_do_everything_public(connects, user, topic, private):
    person = await connects(user)
    for name in ("all-deals", topic):
        assert (await subscribe(person, name))["type"] == "subscriptionConfirmed"
    await forbidden(person, private)
    assert await send(person, f"{user}-else") == "messageSent"


@pytest.mark.parametrize("patterns", [["*"], ["p*", "private*", "*"], ["all-deals"]], ids=" ".join)
async def test_only_a_pattern_that_begins_with_private_grants_a_private_topic(
    connects, user, private, patterns
):
    await forbidden(await connects(user, topics=patterns), private)


async def test_other_spellings_of_a_permitted_topic_are_no_topics(connects, user, private):
    person = await connects(user, topics=[private])
    for spelling in (
        private.upper(),
        private.title(),
        f"{private}\n",
        f" {private}",
        private.replace(".", "\u3002"),
        private.replace("p", "\uff50", 1),
        private.replace("e", "\u0435"),
        f"{private}\u200b",
        f"{private}.",
        f"{private}.*",
        "private.*",
        "*",
    ):
        reply = await subscribe(person, spelling)
        assert reply["data"].get("code") in {"VALIDATION_ERROR", "FORBIDDEN", "RATE_LIMITED"}, spelling
        if reply["data"]["code"] == "RATE_LIMITED":
            await asyncio.sleep(reply["data"]["details"]["retryAfterMs"] / 1000)
    assert (await person.ask("getStatus"))["data"]["subscriptions"] == []


async def test_token_permits_the_recipients_of_its_patterns_alone(connects, user):
    ben = await connects(f"{user}-ben")
    person = await connects(user, recipients=[f"{user}-b*"])
    assert await send(person, f"{user}-ben") == "messageSent"
    await ben.hears("messageReceived")
    for other in (f"{user}-B", user, f"{user}-", f"{user}-carol"):
        details = {"reason": "recipient", "recipientId": other}
        assert await send(person, other) == ("FORBIDDEN", details)

    nobody = await connects(f"{user}-n", recipients=[])
    assert (await send(nobody, f"{user}-ben"))[0] == "FORBIDDEN"
    assert (await ben.ask("getStatus"))["data"]["unread"] == 1


async def test_private_events_never_reach_all_deals_live_or_by_replay(connects, user, topic, private, stack):
    everybody = await connects(user, topics=["*"])
    member = await connects(f"{user}-member", topics=[private, "all-deals"])
    start = stack.publish(topic=topic, data={"mark": user, "number": 0})["position"]
    for person in (everybody, member):
        await person.subscribe("all-deals", {"mark": user})
    await member.subscribe(private)

    secret = stack.publish(topic=private, data={"mark": user, "number": 1})
    public = stack.publish(topic=topic, data={"mark": user, "number": 2})

    assert (secret["total"], public["total"]) == (1, 2)
    await everybody.hears(lambda frame: frame.get("data", {}).get("number") == 2)
    assert [frame["topic"] for frame in everybody.all_heard("dealUpdate")] == [topic]
    assert {frame["topic"] for frame in member.all_heard("dealUpdate")} == {topic, private}

    for since in (0, start, secret["position"] - 1):
        reply = await subscribe(everybody, "all-deals", since=since, filters={"mark": user})
        assert private not in {event["topic"] for event in reply["data"]["events"]}
    reply = await subscribe(member, private, since=start)
    assert [event["data"]["number"] for event in reply["data"]["events"]] == [1]


async def test_private_events_reach_a_tail_of_their_topic_and_no_tail_of_all_deals(
    operator, topic, private, stack
):
    start = stack.publish(topic=topic, data={"mark": topic, "number": 0})["position"]
    stack.publish(topic=private, data={"mark": topic, "number": 1})
    stack.publish(topic=topic, data={"mark": topic, "number": 2})
    since = ("--since", str(start), "--count", "1", "--json")

    everything = await operator.expect_process(
        "tail", "all-deals", "--filter", json.dumps({"mark": topic}), *since
    )
    own = await operator.expect_process("tail", private, *since)

    assert json.loads(everything.out)["data"]["number"] == 2
    assert json.loads(own.out)["data"]["number"] == 1


async def test_refresh_ends_what_the_new_token_does_not_cover(connects, user, topic, private, stack):
    person = await connects(user, topics=["*", private])
    for name in (topic, private, "all-deals"):
        assert (await subscribe(person, name, filters={"mark": user}))["type"] == "subscriptionConfirmed"

    await refresh(person, stack, user, topics=[topic])

    ended = [frame["data"] for frame in person.all_heard("subscriptionEnded")]
    assert sorted(ended, key=lambda data: data["topic"]) == [
        {"topic": "all-deals", "reason": "permissions"},
        {"topic": private, "reason": "permissions"},
    ]
    assert stack.publish(topic=private, data={"mark": user})["total"] == 0
    assert stack.publish(topic=f"{topic}.a", data={"mark": user})["total"] == 0
    assert stack.publish(topic=topic, data={"mark": user})["total"] == 1
    await forbidden(person, private)

    await refresh(person, stack, user, topics=[private])
    assert (await subscribe(person, private))["type"] == "subscriptionConfirmed"
    assert len(stack.memberships(await person.connection_id())) == 1


async def test_recipients_of_the_new_token_hold_from_the_refresh_on(connects, user, stack):
    person = await connects(user, recipients=[f"{user}-ben"])
    assert (await send(person, f"{user}-carol"))[0] == "FORBIDDEN"
    await refresh(person, stack, user, recipients=[f"{user}-carol"])
    assert await send(person, f"{user}-carol") == "messageSent"
    assert (await send(person, f"{user}-ben"))[0] == "FORBIDDEN"

    # A connection of the same user keeps the permissions of its own token.
    other = await connects(user, recipients=[f"{user}-ben"])
    assert await send(other, f"{user}-ben") == "messageSent"
    assert (await send(other, f"{user}-carol"))[0] == "FORBIDDEN"


async def test_subscribes_that_cross_a_refresh_leave_nothing_that_it_does_not_cover(
    connects, user, topic, stack
):
    """Whichever is worked off first: a request by the permissions of before is ended, or refused."""
    person = await connects(user)
    topics = [f"{topic}.{number}" for number in range(12)]
    await asyncio.gather(
        *(subscribe(person, name) for name in topics[:6]),
        refresh(person, stack, user, topics=[topics[0]]),
        *(subscribe(person, name) for name in topics[6:]),
    )
    status = await person.ask("getStatus")
    assert {item["topic"] for item in status["data"]["subscriptions"]} <= {topics[0]}
    assert len(stack.memberships(await person.connection_id())) <= 1


TOO_MANY = [f"someone-{number:04}" for number in range(360)]


@pytest.mark.parametrize(
    ("claims", "logged"),
    [
        pytest.param({"recipients": TOO_MANY}, ("permissions_too_large", "bytes"), id="too-large"),
        pytest.param(
            {"topics": [f"t{n}" for n in range(51)]}, ("permissions", "51 patterns"), id="51-topics"
        ),
        pytest.param({"topics": []}, ("permissions", "0 patterns"), id="no-topic"),
        pytest.param({"topics": "*"}, ("permissions", "not a list"), id="a-text"),
        pytest.param({"topics": None}, ("permissions", "not a list"), id="null"),
        pytest.param({"topics": ["Books"]}, ("permissions", "topics[0]"), id="capitals"),
        pytest.param({"topics": ["books", "b*s"]}, ("permissions", "topics[1]"), id="star-inside"),
        pytest.param({"recipients": ["bén"]}, ("permissions", "recipients[0]"), id="unicode"),
    ],
)
async def test_token_whose_permissions_do_not_fit_is_403_and_the_log_says_why(
    connects, user, stack, claims, logged
):
    logs, (reason, named) = Logs(stack), logged
    assert await connect_refused(connects, user, **claims) == 403
    line = await logs.wait_for_line("authorizer", "connect_refused", named)
    assert (line["status"], line["reason"]) == (403, reason)


async def test_largest_permissions_that_fit_connect_and_hold(connects, user, topic):
    """As much as the context of an authorizer and a record carry."""
    topics = [f"{topic}.{number:02}".ljust(64, "x") for number in range(50)]
    recipients = [f"{user}-{number:04}"[-20:] for number in range(30)]
    person = await connects(user, topics=topics, recipients=recipients)
    assert (await subscribe(person, topics[-1]))["type"] == "subscriptionConfirmed"
    assert await send(person, recipients[-1]) == "messageSent"
    assert (await send(person, user))[0] == "FORBIDDEN"


async def test_who_shows_what_the_token_permits(reader, connects, user, private):
    person = await connects(user, topics=[private, "books.*"], recipients=[])
    connection = await person.connection_id()
    record = (await reader.expect("who", connection, "--json")).data["record"]
    assert (record["topics"], record["recipients"]) == ([private, "books.*"], [])
    text = (await reader.expect("who", connection)).out
    assert "nobody" in text
    assert "books.*" in text


async def test_token_command_signs_what_it_permits(operator, connects, user, private, stack):
    permitted = ("--topics", f"{private},books.*", "--recipients", "")
    result = await operator.expect("token", user, *permitted, "--json")
    person = await connects(user)
    reply = await person.ask("refreshToken", {"token": result.data["token"]})
    assert reply["type"] == "tokenRefreshed"
    assert (await subscribe(person, private))["type"] == "subscriptionConfirmed"
    assert (await send(person, f"{user}-ben"))[0] == "FORBIDDEN"
    assert "topics[0]" in (await operator.expect("token", user, "--topics", "Books", code=2)).err
