"""Handshakes: which clients are connected, and what a refused client receives.

Pages named in the docstrings are of docs.aws.amazon.com/apigateway/latest/developerguide/.
"""

from __future__ import annotations

import json
import re

import pytest
from aiohttp import ClientSession
from websockets.exceptions import InvalidStatus


async def refusal(dial, url, **options):
    """Status and body of a refused handshake."""
    with pytest.raises(InvalidStatus) as refused:
        await dial(url, **options)
    return refused.value.response.status_code, json.loads(refused.value.response.body)


async def test_unknown_stage_is_forbidden(api, dial):
    """apigateway-websocket-api-deploy: only a deployed stage is served; else 403 Forbidden."""
    status, body = await refusal(dial, api.url + "x")

    assert (status, body["message"]) == (403, "Forbidden")


async def test_path_below_the_stage_is_forbidden(api, dial):
    """A WebSocket API has one URL per stage: apigateway-set-up-websocket-deployment.html."""
    assert (await refusal(dial, api.url + "/deeper"))[0] == 403


@pytest.mark.local_only("an unknown API has no host name on AWS")
async def test_unknown_api_is_forbidden(api, dial):
    assert (await refusal(dial, api.url.replace(api.api_id, "0000000000")))[0] == 403


async def test_connect_route_that_refuses_sets_the_status(api, dial):
    """apigateway-websocket-api-route-keys-connect-disconnect.html: a non-2xx fails the handshake."""
    status, body = await refusal(dial, api.url + "?status=418")

    assert status == 418
    assert set(body) == {"message", "connectionId", "requestId"}


@pytest.mark.parametrize("query", ["fail=1", "malformed=1"])
async def test_connect_route_that_fails_is_a_bad_gateway(api, dial, query):
    """Reported in github.com/serverless/serverless-websockets-plugin/issues/13; the detail stays inside."""
    status, body = await refusal(dial, f"{api.url}?{query}")

    assert (status, body["message"]) == (502, "Internal server error")


async def test_connect_route_chooses_the_subprotocol(api, dial):
    """websocket-connect-route-subprotocol.html."""
    client = await dial(api.url + "?protocol=deals.v1", subprotocols=["deals.v1", "token"])

    assert client.socket.subprotocol == "deals.v1"


async def test_connect_route_without_a_choice_selects_no_subprotocol(api, dial):
    """websocket-connect-route-subprotocol.html: only the function's header selects."""
    client = await dial(api.url, subprotocols=["deals.v1", "token"])

    assert client.socket.subprotocol is None


async def test_default_route_does_not_stand_in_for_connect(deployer, dial):
    """apigateway-websocket-api-route-keys-connect-disconnect.html: without $connect all may connect."""
    open_to_all = deployer.deploy({"$default": {"replies": True}})

    event = await (await dial(open_to_all.url + "?status=403")).ask(hello=1)

    assert event["requestContext"]["eventType"] == "MESSAGE"


@pytest.mark.parametrize(
    ("asked", "status"), [("Deny", 403), ("Unauthorized", 401), ("broken", 500), ("nested", 500)]
)
async def test_authorizer_that_does_not_allow_refuses(guarded, dial, asked, status):
    """apigateway-use-lambda-authorizer.html: Deny is 403, the error `Unauthorized` 401, all else 500."""
    refused, body = await refusal(dial, f"{guarded.url}?auth={asked}")

    assert refused == status
    assert "internal detail" not in json.dumps(body)


async def test_missing_identity_source_is_unauthorized_before_the_authorizer_runs(deployer, dial):
    """apigateway-websocket-api-lambda-auth.html: 401 when a configured identity source is missing."""
    named = deployer.deploy(
        {"$connect": {"authorizer": True}, "echo": {"replies": True}},
        identity_source=["route.request.querystring.auth"],
    )

    assert (await refusal(dial, named.url))[0] == 401
    assert await (await dial(named.url + "?auth=Allow")).ask(action="echo")


async def test_authorizer_context_comes_with_every_later_event(guarded, dial):
    """apigateway-websocket-api-mapping-template-reference.html: `$context.authorizer.*`, as strings."""
    client = await dial(guarded.url)
    message = await client.ask(action="echo")
    connection_id = message["requestContext"]["connectionId"]
    await client.socket.close()

    expected = {"principalId": "p-1", "userId": "u-1", "level": "7", "vip": "true"}
    assert message["requestContext"]["authorizer"] == expected
    for kind in ("CONNECT", "DISCONNECT"):
        assert (await guarded.await_event(kind, connection_id))["requestContext"]["authorizer"] == expected


async def test_connection_id_has_the_documented_form(api, dial):
    """As in apigateway-how-to-call-websocket-api-connections.html: `L0SM9cOFvHcCIhw=`."""
    connection_id = await (await dial(api.url)).connection_id()

    assert re.fullmatch(r"[A-Za-z0-9_-]{15}=", connection_id)


@pytest.mark.parametrize(
    ("method", "changes", "status"),
    [
        ("GET", {}, 101),
        ("POST", {}, 400),
        ("GET", {"Sec-WebSocket-Key": None}, 400),
        ("GET", {"Sec-WebSocket-Key": "too short"}, 400),
        ("GET", {"Sec-WebSocket-Key": "dG9vIHNob3J0"}, 400),
        ("GET", {"Sec-WebSocket-Version": "8"}, 426),
        ("GET", {"Sec-WebSocket-Version": None}, 426),
    ],
)
async def test_what_is_no_websocket_handshake_is_refused(api, method, changes, status):
    """RFC 6455, 4.2.1 and 4.4; the answers are the RFC's, AWS documents none."""
    url = api.url.replace("ws", "http", 1)
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
    } | changes
    kept = {name: value for name, value in headers.items() if value is not None}
    async with ClientSession() as client, client.request(method, url, headers=kept) as answer:
        assert answer.status == status
