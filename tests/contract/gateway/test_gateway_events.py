"""The events that functions get have the shape of the recorded ones in tests/events."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.contract.gateway.probe import STAGE

EVENTS = Path(__file__).parents[2] / "events"
# What a client sends as headers and asks as query differs from client to client.
FREE = {
    "headers",
    "multiValueHeaders",
    "queryStringParameters",
    "multiValueQueryStringParameters",
    "authorizer",
}


def shape(value):
    """Keys and types; of free-form objects only the type of their values."""
    if isinstance(value, dict):
        return {k: _free(v) if k in FREE else shape(v) for k, v in value.items()}
    return type(value).__name__


def _free(value):
    return {type(v).__name__ for v in value.values()}


def recorded(name, *without):
    event = json.loads((EVENTS / f"{name}.json").read_text())
    for key in without:
        event.pop(key, None)
        event["requestContext"].pop(key, None)
    return event


@pytest.fixture
async def seen(guarded, dial):
    """All events of one connection: made with a query, one message, closed without a status."""
    client = await dial(guarded.url + "?colour=blue&colour=green&auth=Allow")
    message = await client.ask(action="echo", n=1)
    await client.close_without_status()
    connection_id = message["requestContext"]["connectionId"]
    return {
        "message": message,
        "connect": await guarded.await_event("CONNECT", connection_id),
        "disconnect": await guarded.await_event("DISCONNECT", connection_id),
    }


@pytest.mark.parametrize("kind", ["connect", "message", "disconnect"])
async def test_event_has_the_recorded_shape(seen, kind):
    """github.com/aws/aws-lambda-go events/testdata; captured on AWS."""
    assert shape(seen[kind]) == shape(recorded(kind))


async def test_query_parameters_keep_all_values_and_single_out_the_last(seen):
    """apigateway-websocket-api-lambda-auth.html and the Lambda proxy format 1.0."""
    assert seen["connect"]["queryStringParameters"] == {"colour": "green", "auth": "Allow"}
    assert seen["connect"]["multiValueQueryStringParameters"]["colour"] == ["blue", "green"]


async def test_connect_event_without_query_has_no_query_keys(api, dial):
    """Captured on AWS: the keys are absent, not null."""
    event = await api.await_event("CONNECT", await (await dial(api.url)).connection_id())

    assert not {"queryStringParameters", "multiValueQueryStringParameters"} & set(event)
    assert shape(event) == shape(
        recorded("connect", "queryStringParameters", "multiValueQueryStringParameters", "authorizer")
    )


async def test_connected_at_is_the_same_in_all_events(seen):
    """Captured on AWS: `connectedAt` is the connection's, `requestTimeEpoch` the event's."""
    contexts = [seen[kind]["requestContext"] for kind in ("connect", "message", "disconnect")]

    assert len({context["connectedAt"] for context in contexts}) == 1
    times = [context["requestTimeEpoch"] for context in contexts]
    assert times == sorted(times)
    assert times[0] < times[2]


async def test_every_event_has_ids_of_its_own(api, dial):
    client = await dial(api.url)
    first, second = (
        (await client.ask(action="echo"))["requestContext"],
        (await client.ask(action="echo"))["requestContext"],
    )

    assert first["connectionId"] == second["connectionId"]
    assert first["requestId"] != second["requestId"]
    assert first["messageId"] != second["messageId"]


async def test_authorizer_gets_a_request_event(guarded, dial):
    """apigateway-websocket-api-lambda-auth.html: type REQUEST, methodArn of `$connect`."""
    connection_id = await (await dial(guarded.url + "?auth=Allow")).connection_id()
    logs = guarded.target.client("logs")
    records = logs.filter_log_events(
        logGroupName=f"/aws/lambda/{guarded.function}", filterPattern=f'"{connection_id}"'
    )["events"]
    event = next(e for e in (json.loads(r["message"]) for r in records) if e.get("type") == "REQUEST")

    assert shape(event) == shape(recorded("authorizer_request", "stageVariables"))
    assert event["methodArn"].endswith(f":{guarded.api_id}/test/$connect")


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (1001, ""), (4001, "bye")])
async def test_disconnect_event_tells_the_clients_close_code(api, dial, code, reason):
    """Captured on AWS (github.com/aws/aws-lambda-go, and reports of 1005)."""
    client = await dial(api.url)
    connection_id = await client.connection_id()
    await client.socket.close(code, reason)

    context = (await api.await_event("DISCONNECT", connection_id))["requestContext"]

    assert (context["disconnectStatusCode"], context["disconnectReason"]) == (code, reason)


async def test_disconnect_event_of_a_close_frame_without_status_says_so(seen):
    """Captured on AWS, many times."""
    context = seen["disconnect"]["requestContext"]

    assert context["disconnectStatusCode"] == 1005
    assert context["disconnectReason"] == "Client-side close frame status not set"


async def test_disconnect_event_of_a_lost_connection_has_code_1006(api, dial):
    """RFC 6455, 7.1.5: no close frame was received."""
    client = await dial(api.url)
    connection_id = await client.connection_id()
    client.socket.transport.abort()

    assert (await api.await_event("DISCONNECT", connection_id))["requestContext"][
        "disconnectStatusCode"
    ] == 1006


async def test_time_of_a_message_is_that_of_its_receipt_however_long_its_route_takes_to_find(deployer, dial):
    """api-gateway-mapping-template-reference: `requestTimeEpoch`. Functions put requests in order by it."""
    changing = deployer.deploy({"echo": {"replies": True}})
    client = await dial(changing.url)
    await client.ask(action="echo")
    # After a change of the API, the next message waits until the API is read again.
    changing.target.client("apigatewayv2").update_stage(
        ApiId=changing.api_id, StageName=STAGE,
        DefaultRouteSettings={"ThrottlingRateLimit": 1000.0, "ThrottlingBurstLimit": 1000},
    )  # fmt: skip

    for number in (1, 2):
        await client.socket.send(json.dumps({"action": "echo", "n": number}))
        await (await client.socket.ping())
        await asyncio.sleep(0.01)

    echoes = [json.loads(await client.socket.recv()) for _ in range(2)]
    times = {json.loads(echo["body"])["n"]: echo["requestContext"]["requestTimeEpoch"] for echo in echoes}
    assert times[2] - times[1] >= 9
