"""What the console's page asks of the local cloud, on the real service."""

from __future__ import annotations

import asyncio
import json
import os
import time
from urllib.parse import urlsplit

import jwt
import pytest
from websockets.exceptions import InvalidStatus

from local_cloud.client import WAIT_SECONDS, Person
from local_cloud.control_client import call_control
from local_cloud.settings import CloudFailed

pytestmark = pytest.mark.skipif(
    "LOCALSTACK_ENDPOINT" in os.environ, reason="only the embedded local cloud has this control API"
)

# A killed function's messages wait for their queue's visibility timeout.
SETTLED_WITHIN_SECONDS = 90


@pytest.fixture
def control(stack):
    async def control(method, path, **body):
        return await asyncio.to_thread(
            call_control, stack.stack.endpoint, method, path, body if body or method == "POST" else None
        )

    return control


@pytest.fixture
async def visit(stack, control):
    """Connect as the page does: with what `console` says, and a demo token in the subprotocol's place."""
    people = []

    async def visit(user, **wanted):
        about, token = (
            await control("GET", "console"),
            await control("POST", "tokens", user_id=user, **wanted),
        )
        address = urlsplit(stack.stack.endpoint).netloc
        person = await Person.connect(
            f"ws://{address}{about['stack']['websocket_path']}",
            additional_headers={"Authorization": f"Bearer {token['token']}"},
        )
        people.append(person)
        return person

    yield visit
    for person in people:
        await person.leave()


@pytest.fixture
async def feed(control):
    """Start the feed; it is stopped after the test."""
    yield lambda per_second: control("POST", "feed", running=True, per_second=per_second)
    await control("POST", "feed", running=False)


def came(person):
    return [frame["eventId"] for frame in person.heard if "eventId" in frame]


async def settle(control, person, before):
    """Wait until every accepted event after the number `before` has come; return their ids."""
    deadline = time.monotonic() + SETTLED_WITHIN_SECONDS
    while True:
        feed, listed = await control("GET", "feed"), await control("GET", f"feed/published?after={before}")
        accepted = {event["event_id"] for event in listed["events"] if event["accepted"]}
        missing = accepted - set(came(person))
        if not missing and not feed["running"] and not feed["pending"]:
            return accepted
        assert time.monotonic() < deadline, f"{feed}; lost: {sorted(missing)}"
        await asyncio.sleep(0.2)


async def see_busy(control):
    """Wait for a picture of the service under the feed: its calls of the last second, over five each."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        picture = await control("GET", "picture")
        nodes = {node["id"]: node for node in picture["nodes"]}
        calls = {(call["from"], call["to"]): call["last_second"] for call in picture["calls"]}
        functions = {node["label"]: node["id"] for node in picture["nodes"] if node["kind"] == "function"}
        broadcast = functions["broadcast"]
        busy = ("publishers", broadcast), ("gateway", "clients"), (broadcast, "table:deals-local-history")
        if all(calls.get(call, 0) > 5 for call in busy):
            return picture, nodes, calls, functions
        assert time.monotonic() < deadline, calls
        await asyncio.sleep(0.3)


async def last_number(control):
    return (await control("GET", "feed"))["published"]


async def test_console_says_where_the_service_is_and_signs_tokens_for_its_people(stack, control, visit, user):
    about = await control("GET", "console")

    assert about["stack"]["name"] == "deals-local"
    assert stack.websocket_url.endswith(about["stack"]["websocket_path"])
    assert set(about["stack"]["functions"]) == set(stack.outputs["function_names"])
    assert about["redis"] is (stack.stack.redis is not None)

    before = int(time.time())
    answer = await control(
        "POST", "tokens", user_id=user, expires_in_s=70, topics=["books.*"], recipients=["ben"]
    )
    claims = jwt.decode(answer["token"], options={"verify_signature": False})
    assert (claims["sub"], claims["exp"]) == (user, answer["expires_at"])
    assert 70 <= answer["expires_at"] - before <= 72

    person = await visit(user, topics=["books.*"])
    assert (await person.ask("subscribeToDeals", {"topic": "books.new"}))["type"] == "subscriptionConfirmed"
    assert (await person.ask("subscribeToDeals", {"topic": "travel"}))["data"]["code"] == "FORBIDDEN"


async def test_token_without_the_scope_is_refused_and_the_reason_is_told(control, visit, user):
    with pytest.raises(InvalidStatus):
        await visit(user, scope="nothing")

    deadline = time.monotonic() + WAIT_SECONDS
    while (last := (await control("GET", "handshakes"))["handshakes"][-1])["reason"] != "scope":
        assert time.monotonic() < deadline, last
        await asyncio.sleep(0.1)
    assert last["status"] == 403


async def test_feed_reaches_a_subscriber_with_the_time_of_its_publishing(control, visit, feed, user):
    person = await visit(user)
    await person.ask("subscribeToDeals", {"topic": "all-deals"})
    before = await last_number(control)

    await feed(20)
    await asyncio.sleep(2)
    await control("POST", "feed", running=False)
    await settle(control, person, before)

    listed = (await control("GET", f"feed/published?after={before}"))["events"]
    assert len(listed) > 20
    frames = {frame["eventId"]: frame for frame in person.heard if "eventId" in frame}
    for event in listed:
        frame = frames[event["event_id"]]
        assert (frame["topic"], frame["data"]) == (event["topic"], event["data"])
        assert event["published_at_ms"] == frame["data"]["publishedAt"] <= time.time() * 1000


async def test_hostile_deals_arrive_as_they_were_published(control, visit, user):
    person = await visit(user)
    await person.ask("subscribeToDeals", {"topic": "all-deals"})
    before = await last_number(control)

    ids = (await control("POST", "feed/hostile"))["event_ids"]

    listed = (await control("GET", f"feed/published?after={before}"))["events"]
    for event in listed:
        frame = await person.hears(lambda frame, wanted=event["event_id"]: frame.get("eventId") == wanted)
        assert frame["data"] == event["data"]
    assert [event["event_id"] for event in listed] == ids


@pytest.mark.timeout(240)
async def test_picture_shows_what_works_and_a_killed_function_loses_nothing(control, visit, feed, user):
    person = await visit(user)
    await person.ask("subscribeToDeals", {"topic": "all-deals"})
    before = await last_number(control)
    await feed(20)
    await asyncio.sleep(3)

    picture, nodes, calls, functions = await see_busy(control)
    assert all(source in nodes and target in nodes for source, target in calls)
    assert calls["queue:deals-local-events", functions["broadcast"]] is None
    assert nodes["clients"]["open"] >= 1
    assert {"waiting", "in_flight", "dead", "errors"} <= nodes["queue:deals-local-events"].keys()
    assert abs(picture["at_ms"] - time.time() * 1000) < 10_000

    answer = await control("POST", "functions/broadcast/kill")
    assert answer["killed"] or answer["armed"]
    deadline = time.monotonic() + WAIT_SECONDS
    while not (kills := (await control("GET", "kills"))["kills"]):
        assert time.monotonic() < deadline, "broadcast made no call"
        await asyncio.sleep(0.1)
    assert kills[-1]["function"] == "deals-local-broadcast"

    await asyncio.sleep(2)
    await control("POST", "feed", running=False)
    assert len(await settle(control, person, before)) > 60


async def test_last_log_lines_of_a_function_are_its_own(control, stack, user):
    await asyncio.to_thread(stack.publish, topic="books", data={"title": user})

    deadline = time.monotonic() + WAIT_SECONDS
    while len(lines := (await control("GET", "functions/broadcast/logs?lines=5"))["lines"]) < 5:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.2)
    assert any('"broadcast"' in line or "RequestId" in line for line in lines)

    with pytest.raises(CloudFailed, match="'teapot' is none of authorizer, "):
        await control("GET", "functions/teapot/logs")


async def test_connection_is_handed_over_now(control, visit, user):
    person = await visit(user)
    connection_id = (await person.ask("getStatus"))["data"]["connectionId"]

    assert await control("POST", f"connections/{connection_id}/hand-over") == {"handed_over": connection_id}

    assert (await person.hears("reconnect"))["data"]["reason"] == "connectionLifetime"


async def test_revoked_token_closes_its_connection_and_another_one_works(control, visit, user):
    person = await visit(user)

    answer = await control("POST", "revocations", user_id=user)

    assert answer["revoked_before"] <= time.time()
    await asyncio.wait_for(person.socket.wait_closed(), WAIT_SECONDS)
    assert person.heard[-1]["data"] == {"reason": "revoked", "reconnect": True}
    assert (await (await visit(user)).ask("ping"))["type"] == "pong"


async def test_no_token_and_no_secret_is_in_the_logs_of_the_cloud(control, stack, user):
    token = (await control("POST", "tokens", user_id=user))["token"]

    folder = stack.stack.terraform.folder / "cloud"
    logs = "".join((folder / name).read_text() for name in ("proxy.log", "emulator.log"))
    assert token not in logs
    assert stack.stack.jwt_secret not in logs
    everything = json.dumps(
        [await control("GET", path) for path in ("console", "status", "handshakes", "feed")]
    )
    assert token not in everything
    assert stack.stack.jwt_secret not in everything
