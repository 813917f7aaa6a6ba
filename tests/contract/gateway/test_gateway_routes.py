"""Which route runs, and what of its answer reaches the client.

Pages named in the docstrings are of docs.aws.amazon.com/apigateway/latest/developerguide/.
"""

from __future__ import annotations

import asyncio
import json
import time

import pytest


async def test_message_with_a_route_key_runs_that_route(api, dial):
    """websocket-api-develop-routes.html: route selection expressions."""
    event = await (await dial(api.url)).ask(action="echo", n=1)

    assert event["requestContext"]["routeKey"] == "echo"
    assert json.loads(event["body"]) == {"action": "echo", "n": 1}


@pytest.mark.parametrize(
    "text",
    [
        "not json",
        "[]",
        '{"other": 1}',
        '{"action": "nowhere"}',
        '{"action": null}',
        '""',
        '{"action": "$connect"}',
        '{"action": "$disconnect"}',
        pytest.param("[" * 5000 + "]" * 5000, id="deep"),
    ],
)
async def test_message_without_a_route_of_its_own_runs_default(api, dial, text):
    """websocket-api-develop-routes.html: the $default route."""
    client = await dial(api.url)
    await client.socket.send(text)

    event = json.loads(await client.socket.recv())

    assert event["requestContext"]["routeKey"] == "$default"
    assert event["body"] == text


async def test_selection_expression_reads_a_nested_key(deployer, dial):
    """websocket-api-develop-routes.html: `$request.body.x.y`."""
    nested = deployer.deploy({"echo": {"replies": True}}, selection="$request.body.meta.kind")

    event = await (await dial(nested.url)).ask(meta={"kind": "echo"})

    assert event["requestContext"]["routeKey"] == "echo"


async def test_message_without_any_route_gets_the_forbidden_frame(guarded, dial):
    """The frame that github.com/aws-samples/simple-websockets-chat-app/issues/24 reports."""
    client = await dial(guarded.url)
    connection_id = await client.connection_id()

    answer = await client.ask(action="nowhere")

    assert set(answer) == {"message", "connectionId", "requestId"}
    assert (answer["message"], answer["connectionId"]) == ("Forbidden", connection_id)


async def test_route_without_route_response_sends_nothing_back(api, dial):
    """apigateway-websocket-api-route-response.html; the selection expression alone is not enough."""
    client = await dial(api.url)
    for action in ("one-way", "half"):
        await client.socket.send(json.dumps({"action": action, "say": '"unheard"'}))

    assert await client.ask(action="echo", say='"heard"', sleep=0.3) == "heard"


async def test_answer_with_an_error_status_still_reaches_the_client(api, dial):
    """Reported in github.com/yai333/React-Chat-App-using-AWS-API-Gateway-Websocket…/issues/2."""
    answer = await (await dial(api.url)).ask(action="echo", status=500, say='{"code": "ours"}')

    assert answer == {"code": "ours"}


@pytest.mark.parametrize("ask", [{"fail": True}, {"malformed": True}])
async def test_function_that_fails_gives_an_internal_error_without_details(api, dial, ask):
    """websocket-api-lambda-integrations and github.com/aws/aws-cdk/issues/18208; no detail may leak."""
    client = await dial(api.url)
    connection_id = await client.connection_id()

    answer = await client.ask(action="one-way", **ask)

    assert set(answer) == {"message", "connectionId", "requestId"}
    assert (answer["message"], answer["connectionId"]) == ("Internal server error", connection_id)


async def test_integration_timeout_ends_the_wait(api, dial):
    """apigateway-execution-service-websocket-limits-table.html: integration timeout, here set to 0.5 s."""
    client = await dial(api.url)
    await client.ask(action="echo")
    started = time.monotonic()

    answer = await client.ask(action="hurried", sleep=3)

    assert answer["message"] == "Endpoint request timed out"
    assert 0.4 < time.monotonic() - started < 2.5


async def test_mock_integration_answers_without_a_function(api, dial):
    """DG apigateway-websocket-api-integration-requests.html: MOCK."""
    assert await (await dial(api.url)).ask(action="mock") == {"from": "mock"}


async def test_mock_without_route_response_takes_a_message_in_silence(api, dial):
    """As the page on route responses says of every integration."""
    client = await dial(api.url)
    for data in ({}, None, 5, "text", ["list"], {"requestId": "r-1"}):
        await client.socket.send(json.dumps({"action": "silent", "data": data, "requestId": "r-1"}))

    assert await client.ask(action="echo", say='"heard"', sleep=0.3) == "heard"


async def test_mock_whose_request_template_has_no_status_is_an_internal_error(api, dial):
    """DG apigateway-websocket-api-integration-requests.html: the template says how the mock answers."""
    answer = await (await dial(api.url)).ask(action="untold")

    assert answer["message"] == "Internal server error"


async def test_route_response_sends_a_frame_even_without_a_text(api, dial):
    """Reported in github.com/serverless/serverless/issues/6816."""
    client = await dial(api.url)
    await client.socket.send(json.dumps({"action": "echo", "say": ""}))

    assert await client.socket.recv() == ""


async def test_messages_of_one_connection_run_side_by_side(api, dial):
    """apigateway-websocket-api-overview: no order is promised; a slow message holds up none behind it."""
    client = await dial(api.url)
    await asyncio.gather(*(client.socket.send('{"action": "echo", "sleep": 0.2}') for _ in range(3)))
    for _ in range(3):
        await client.socket.recv()  # three functions are warm now

    await client.socket.send('{"action": "echo", "sleep": 1, "say": "slow"}')
    await client.socket.send('{"action": "echo", "say": "quick"}')

    assert [await client.socket.recv(), await client.socket.recv()] == ["quick", "slow"]
