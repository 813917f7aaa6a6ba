"""The control calls for the console that need no applied service, and what the others say without one."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.error
import urllib.request

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from local_cloud.settings import CloudFailed

pytestmark = pytest.mark.local_only("AWS has no control API")

KEPT = 20


@pytest.fixture
def refused(cloud):
    """Send a call that must fail; return its message."""

    def refused(method, path, **body):
        with pytest.raises(CloudFailed) as error:
            cloud.control(method, path, **body)
        return str(error.value)

    return refused


# The service is not there


def test_empty_cloud_says_so_instead_of_a_stack(cloud):
    about = cloud.control("GET", "console")

    assert about == {
        "stack": None,
        "people": [{"user_id": name.lower(), "name": name} for name in ("Ann", "Ben", "Cho")],
        "redis": False,
    }


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "tokens", {"user_id": "ann"}),
        ("POST", "revocations", {"user_id": "ann"}),
        ("POST", "feed", {"running": True}),
        ("POST", "feed/hostile", {}),
        ("GET", "picture", {}),
        ("GET", "functions/broadcast/logs", {}),
        ("POST", "functions/broadcast/kill", {}),
        ("POST", "functions/broadcast/suspend", {}),
        ("POST", "functions/broadcast/starve", {}),
    ],
)
def test_call_that_needs_the_service_names_the_remedy(refused, method, path, body):
    assert refused(method, path, **body) == "stack: nothing is applied to this cloud; run `make local-up`"


def test_feed_of_an_empty_cloud_rests(cloud):
    assert cloud.control("POST", "feed", per_second=5) == {
        "running": False,
        "per_second": 5,
        "published": 0,
        "pending": 0,
    }
    published = cloud.control("GET", "feed/published?after=7")
    assert (published["events"], published["last"]) == ([], 0)
    assert cloud.control("GET", "kills") == {"armed": [], "kills": []}


# What is wrong with a call


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "tokens", {}, "user_id: missing"),
        ("POST", "tokens", {"user_id": ""}, "user_id:"),
        ("POST", "tokens", {"user_id": "a b"}, "user_id:"),
        ("POST", "tokens", {"user_id": 7}, "user_id:"),
        ("POST", "tokens", {"user_id": "ann", "expires_in_s": 0}, "expires_in_s:"),
        ("POST", "tokens", {"user_id": "ann", "expires_in_s": 86_401}, "expires_in_s:"),
        ("POST", "tokens", {"user_id": "ann", "expires_in_s": True}, "expires_in_s:"),
        ("POST", "tokens", {"user_id": "ann", "expires_in_s": 1.5}, "expires_in_s:"),
        ("POST", "tokens", {"user_id": "ann", "topics": "books"}, "topics "),
        ("POST", "tokens", {"user_id": "ann", "topics": ["Books!"]}, "topics[0] "),
        ("POST", "tokens", {"user_id": "ann", "recipients": [1]}, "recipients[0] "),
        ("POST", "tokens", {"user_id": "ann", "scope": 1}, "scope:"),
        ("POST", "tokens", {"user_id": "ann", "admin": True}, "admin: unknown"),
        ("POST", "revocations", {}, "user_id: missing"),
        ("POST", "revocations", {"user_id": "a/b"}, "user_id:"),
        ("POST", "feed", {"per_second": 0.09}, "per_second:"),
        ("POST", "feed", {"per_second": 201}, "per_second:"),
        ("POST", "feed", {"per_second": "10"}, "per_second:"),
        ("POST", "feed", {"per_second": True}, "per_second:"),
        ("POST", "feed", {"running": "yes"}, "running:"),
        ("POST", "feed", {"speed": 1}, "speed: unknown"),
        ("GET", "feed/published?after=-1", {}, "after:"),
        ("GET", "feed/published?after=x", {}, "after:"),
        ("GET", "functions/broadcast/logs?lines=0", {}, "lines:"),
        ("GET", "functions/broadcast/logs?lines=1001", {}, "lines:"),
        ("POST", "connections/none/half-open", {"seconds": 0}, "seconds:"),
        ("POST", "connections/none/half-open", {"seconds": 601}, "seconds:"),
        ("POST", "connections/none/half-open", {}, "connections: 'none' is not open"),
        ("POST", "connections/none/hand-over", {}, "connections: 'none' is not open"),
        ("POST", "connections/none/drop", {}, "connections: 'none' is not open"),
    ],
)
def test_wrong_call_names_the_field(refused, method, path, body, field):
    assert refused(method, path, **body).startswith(field)


@pytest.mark.parametrize(("body", "field"), [("[]", "body:"), ("{", "body:"), ("7", "body:")])
def test_body_that_is_no_object_is_refused(cloud, body, field):
    request = urllib.request.Request(
        f"{cloud.endpoint}/_local_cloud/feed", body.encode(),
        {"X-Local-Cloud": "1", "Content-Type": "application/json"},
    )  # fmt: skip
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(request)

    assert (error.value.code, json.load(error.value)["error"][:5]) == (400, field)


# Half-open


async def test_half_open_connection_is_silent_both_ways_and_then_dropped(cloud, api, dial):
    client = await dial(api.url)
    connection_id = await client.connection_id()

    answer = await asyncio.to_thread(
        cloud.control, "POST", f"connections/{connection_id}/half-open", seconds=1.5
    )
    began = time.monotonic()
    assert answer == {"half_open": connection_id, "seconds": 1.5}

    await client.socket.send(json.dumps({"action": "echo"}))
    # API Gateway too accepts a push for as long as nobody has noticed.
    management = api.management()
    await asyncio.to_thread(management.post_to_connection, ConnectionId=connection_id, Data=b"unheard")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(client.socket.recv(), 1)
    with pytest.raises(ConnectionClosed):
        await asyncio.wait_for(client.socket.recv(), 5)

    assert 1 < time.monotonic() - began < 4
    event = await api.await_event("DISCONNECT", connection_id)
    assert event["requestContext"]["disconnectStatusCode"] == 1006


async def test_other_connections_do_not_notice_a_half_open_one(cloud, api, dial):
    silent, other = await dial(api.url), await dial(api.url)
    connection_id = await silent.connection_id()

    await asyncio.to_thread(cloud.control, "POST", f"connections/{connection_id}/half-open", seconds=1)

    assert await other.connection_id() != connection_id


# Handshakes


async def handshakes(cloud):
    return (await asyncio.to_thread(cloud.control, "GET", "handshakes"))["handshakes"]


async def refuse(dial, url, **options):
    with pytest.raises(InvalidStatus):
        await dial(url, **options)


async def test_handshakes_have_status_and_reason(cloud, api, guarded, dial):
    client = await dial(f"{guarded.url}?token=not-to-be-told")
    await refuse(dial, f"{guarded.url}?auth=Unauthorized")
    await refuse(dial, f"{guarded.url}?auth=Deny")
    await refuse(dial, f"{guarded.url}?auth=broken")
    await refuse(dial, f"{api.url}?status=429")
    await refuse(dial, f"{api.url}x")

    *_, accepted, unauthorized, denied, broken, throttled, unknown = found = await handshakes(cloud)

    assert accepted == {
        "at_ms": accepted["at_ms"],
        "status": 101,
        "reason": "accepted",
        "connection_id": await client.connection_id(),
        "user_id": "u-1",
    }
    assert abs(accepted["at_ms"] - time.time() * 1000) < 60_000
    assert (unauthorized["status"], unauthorized["reason"]) == (401, "the authorizer raised Unauthorized")
    assert denied["status"] == 403
    assert broken["status"] == 500
    assert (throttled["status"], throttled["reason"]) == (429, "$connect answered 429")
    assert (unknown["status"], "stage" in unknown["reason"]) == (403, True)
    assert all("user_id" not in refused for refused in (unauthorized, denied, broken, unknown))
    assert "not-to-be-told" not in json.dumps(found)


async def test_only_the_last_handshakes_are_kept(cloud, api, dial):
    for _ in range(KEPT + 2):
        await refuse(dial, f"{api.url}x")

    found = await handshakes(cloud)

    assert len(found) == KEPT
    assert {handshake["status"] for handshake in found} == {403}
