"""The JavaScript client against the applied service: what its users rely on."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from tests.e2e.javascript import JavascriptClient, check_built
from tests.e2e.test_janitor import MINUTE, run_janitor, set_times

Starts = Callable[..., Awaitable[JavascriptClient]]


@pytest.fixture
async def javascript(stack) -> AsyncIterator[Starts]:
    """Starts a connected JavaScript client for a user, and holds its frames against docs/asyncapi.yaml."""
    check_built()
    started: list[JavascriptClient] = []
    async with AsyncExitStack() as clients:

        async def start(user_id: str, **claims) -> JavascriptClient:
            client = await JavascriptClient.start(stack.websocket_url)
            clients.push_async_callback(client.stop)
            started.append(client)
            await client.do("token", value=stack.token(user_id, **claims))
            await client.do("connect")
            return client

        yield start
        assert [problem for client in started for problem in client.undocumented()] == []


async def test_subscribed_client_receives_what_matches_and_ends_without_leaving_a_timer(
    stack, javascript, user, topic
):
    client = await javascript(user)
    ready = await client.do("subscribe", topic=topic, options={"filters": {"price": {"lt": 900}}})
    assert ready["recovered"] is True

    dear = await asyncio.to_thread(stack.publish, topic=topic, data={"price": 950})
    cheap = await asyncio.to_thread(stack.publish, topic=topic, data={"price": 850})
    event = await client.event(cheap["eventId"])
    assert event["data"] == {"price": 850}
    assert event["source"] == "live"
    assert event["position"] == cheap["position"]
    assert dear["eventId"] not in {one["eventId"] for one in client.events()}

    await client.do("close")
    # The process ends by itself, within the second that a close may take and a margin for a busy machine.
    assert await asyncio.wait_for(client.process.wait(), 10) == 0


async def test_dropped_client_resumes_without_gap_or_repeat(stack, javascript, user, topic):
    client = await javascript(user)
    await client.do("subscribe", topic=topic)
    published = [await asyncio.to_thread(stack.publish, topic=topic, data={"n": 0})]
    await client.event(published[0]["eventId"])

    seen = len(client.told)
    await client.do("drop")
    published += [await asyncio.to_thread(stack.publish, topic=topic, data={"n": n}) for n in range(1, 6)]
    await client.state("connected", after=seen)
    published.append(await asyncio.to_thread(stack.publish, topic=topic, data={"n": 6}))

    for event in published:
        await client.event(event["eventId"])
    counts = Counter(event["eventId"] for event in client.events())
    assert counts == dict.fromkeys((event["eventId"] for event in published), 1)
    assert not [one for one in client.told if one["on"] == "gap"]


async def test_client_moves_to_a_new_connection_when_asked_and_misses_nothing(stack, javascript, user, topic):
    client = await javascript(user)
    await client.do("subscribe", topic=topic)
    first = (await client.do("status"))["connectionId"]
    seen = len(client.told)

    set_times(stack, first, connected_at=int(time.time()) - 118 * MINUTE)
    await run_janitor(stack)
    published = [await asyncio.to_thread(stack.publish, topic=topic, data={"n": n}) for n in range(20)]
    for event in published:
        await client.event(event["eventId"])

    second = (await client.do("status"))["connectionId"]
    assert second != first
    assert len(client.events()) == len(published)
    assert not [one for one in client.told[seen:] if one["on"] == "state"]


async def test_client_refreshes_its_token_before_the_end(stack, javascript, user, topic):
    # The refresh is due when 80 % of a life under five minutes are over.
    client = await javascript(user, exp=int(time.time()) + 30)
    await client.do("token", value=stack.token(user))
    await client.tells(lambda one: one["on"] == "token" and one["reason"] == "expiring", within=40)

    deadline = time.monotonic() + 10
    while (await client.do("status"))["tokenExpiresAt"] < time.time() + 60:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.2)
    assert not [one for one in client.told if one["on"] == "warning"]


async def test_message_whose_answer_is_lost_is_stored_once(stack, javascript, user):
    sender, recipient = await javascript(user), await javascript(f"{user}-recipient")
    number = sender.begin("sendAndDrop", recipient=f"{user}-recipient", content="Shall we?")
    answer = await sender.answer(number)
    assert "error" not in answer, answer

    inbox = await recipient.do("inbox")
    assert [entry["content"] for entry in inbox] == ["Shall we?"]
    assert inbox[0]["messageId"] == answer["result"]["messageId"]
    assert (await recipient.do("ack", message_id=inbox[0]["messageId"]))["type"] == "read"
    assert await sender.do("presence", users=[f"{user}-recipient"]) == {f"{user}-recipient": {"online": True}}


async def test_client_whose_token_is_refused_stops_when_the_user_is_signed_out(stack, javascript, user):
    client = await JavascriptClient.start(stack.websocket_url)
    try:
        await client.do("token", value=stack.token(user, exp=int(time.time()) - 600))
        number = client.begin("connect")
        await client.tells(lambda one: one["on"] == "token" and one["reason"] == "refused")
        await client.do("token", value=None)
        answer = await client.answer(number)
        assert answer["error"]["name"] == "NotAuthorized"
        await client.state("stopped")
    finally:
        await client.stop()
