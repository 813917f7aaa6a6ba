"""Sizes, times and rates.

apigateway-execution-service-websocket-limits-table.html and websocket-api-protect.html of
docs.aws.amazon.com/apigateway/latest/developerguide/.
"""

from __future__ import annotations

import asyncio
import json
import time

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.contract.gateway.probe import STAGE

KB = 1024
CLOCK = "AWS has no clock to advance; waiting would take minutes"


async def close_code(client):
    """The code of the close frame that the server sends next."""
    with pytest.raises(ConnectionClosed) as closed:
        await asyncio.wait_for(client.socket.recv(), 10)
    return closed.value.rcvd.code if closed.value.rcvd else None


def message(size):
    """A message of exactly `size` bytes, answered shortly."""
    head = '{"action": "echo", "say": "got it", "pad": "'
    return head + "x" * (size - len(head) - 2) + '"}'


async def test_frame_of_32_kb_is_taken_and_a_larger_one_closes_with_1009(api, dial):
    client = await dial(api.url)
    await client.socket.send(message(32 * KB))
    assert await client.socket.recv() == "got it"

    await client.socket.send(message(32 * KB + 1))

    assert await close_code(client) == 1009


async def test_message_of_128_kb_in_frames_is_taken_and_a_larger_one_closes_with_1009(api, dial):
    client = await dial(api.url)

    def frames(size):
        text = message(size)
        return [text[at : at + 32 * KB] for at in range(0, size, 32 * KB)]

    await client.socket.send(frames(128 * KB))
    assert await client.socket.recv() == "got it"

    await client.socket.send(frames(128 * KB + 1))

    assert await close_code(client) == 1009


async def test_size_is_counted_in_bytes_not_in_characters(api, dial):
    client = await dial(api.url)

    await client.socket.send('{"action": "echo", "pad": "' + "é" * (16 * KB) + '"}')

    assert await close_code(client) == 1009


async def test_binary_frame_closes_with_1003(api, dial):
    """websocket-api-develop-binary-media-types.html."""
    client = await dial(api.url)

    await client.socket.send(b"\x00\x01")

    assert await close_code(client) == 1003


@pytest.mark.parametrize(
    ("frame", "code"),
    [(b"\x81\x82\0\0\0\0\xff\xfe", 1007), (b"\x81\x02no", 1002), (b"\x83\x80\0\0\0\0", 1002)],
    ids=["not UTF-8", "not masked", "unknown opcode"],
)
async def test_frame_that_breaks_the_protocol_closes_with_its_code(api, dial, frame, code):
    """RFC 6455, 7.4.1."""
    client = await dial(api.url)

    client.socket.transport.write(frame)

    assert await close_code(client) == code


@pytest.mark.local_only(CLOCK)
async def test_connection_idle_for_ten_minutes_is_closed_with_1001(api, dial, cloud):
    client = await dial(api.url)
    connection_id = await client.connection_id()

    cloud.control("POST", "clock", advance=601)

    assert await close_code(client) == 1001
    context = (await api.await_event("DISCONNECT", connection_id))["requestContext"]
    assert (context["disconnectStatusCode"], context["disconnectReason"]) == (1001, "Going away")


@pytest.mark.local_only(CLOCK)
async def test_frames_in_either_direction_keep_a_connection_but_not_past_two_hours(api, dial, cloud):
    client = await dial(api.url)
    connection_id = await client.connection_id()

    for _ in range(6):
        cloud.control("POST", "clock", advance=595)
        api.management().post_to_connection(ConnectionId=connection_id, Data=b"from the server")
        assert await client.socket.recv() == "from the server"
        cloud.control("POST", "clock", advance=595)
        assert await client.ask(action="echo", say='"from the client"') == "from the client"
    cloud.control("POST", "clock", advance=61)

    assert await close_code(client) == 1001


@pytest.mark.local_only(CLOCK)
async def test_message_that_nothing_answers_keeps_a_connection(api, dial, cloud):
    client = await dial(api.url)
    await client.connection_id()

    for _ in range(3):
        cloud.control("POST", "clock", advance=595)
        await client.socket.send('{"action": "silent"}')
        await (await client.socket.ping())  # the frame before it has arrived

    assert await client.ask(action="echo", say='"still here"') == "still here"


@pytest.mark.local_only(CLOCK)
async def test_clock_that_runs_fast_closes_by_itself(api, dial, cloud):
    client = await dial(api.url)
    await client.connection_id()
    try:
        cloud.control("POST", "clock", speed=2000)

        assert await close_code(client) == 1001
    finally:
        cloud.control("POST", "clock", speed=1)


async def test_throttled_message_is_answered_with_too_many_requests(deployer, dial):
    slow = deployer.deploy(
        {"echo": {"replies": True}, "free": {"replies": True}},
        DefaultRouteSettings={"ThrottlingRateLimit": 100.0, "ThrottlingBurstLimit": 100},
        RouteSettings={"echo": {"ThrottlingRateLimit": 1.0, "ThrottlingBurstLimit": 2}},
    )
    client = await dial(slow.url)
    for _ in range(12):
        await client.socket.send('{"action": "echo"}')
    answers = [json.loads(await client.socket.recv()) for _ in range(12)]

    throttled = [a for a in answers if a.get("message") == "Too Many Requests"]
    assert throttled
    assert set(throttled[0]) == {"message", "connectionId", "requestId"}
    assert len(answers) - len(throttled) >= 2
    assert "requestContext" in await client.ask(action="free")


async def test_settings_block_with_one_limit_throttles_every_connect(deployer, dial):
    """github.com/hashicorp/terraform-provider-aws/issues/14742: the other limit is then 0."""
    closed = deployer.deploy(
        {"$connect": {}}, DefaultRouteSettings={"ThrottlingRateLimit": 0.0, "ThrottlingBurstLimit": 0}
    )

    with pytest.raises(InvalidStatus) as refused:
        await dial(closed.url)

    assert refused.value.response.status_code == 429


@pytest.fixture
def limits(cloud):
    """Set the account's limits; they are AWS's again after the test."""
    yield lambda **given: cloud.control("POST", "limits", **given)
    cloud.control(
        "POST", "limits", requests={"rate": 10_000, "burst": 5_000}, connects={"rate": 500, "burst": 500}
    )


@pytest.mark.local_only("an AWS account's limits are not ours to change")
async def test_new_connections_of_the_account_are_limited(api, dial, limits):
    limits(connects={"rate": 0.5, "burst": 2})
    await dial(api.url)
    await dial(api.url)

    with pytest.raises(InvalidStatus) as refused:
        await dial(api.url)

    assert refused.value.response.status_code == 429


@pytest.mark.local_only("an AWS account's limits are not ours to change")
async def test_posts_to_connections_and_messages_share_one_bucket(api, dial, limits, cloud):
    client = await dial(api.url)
    connection_id = await client.connection_id()
    management = api.management()
    limits(requests={"rate": 0.01, "burst": 3})

    for _ in range(2):
        management.post_to_connection(ConnectionId=connection_id, Data=b"{}")
        await client.socket.recv()
    await client.ask(action="echo")

    with pytest.raises(management.exceptions.LimitExceededException):
        management.post_to_connection(ConnectionId=connection_id, Data=b"{}")
    assert (await client.ask(action="echo"))["message"] == "Too Many Requests"
    cloud.control("POST", "clock", advance=500)
    management.post_to_connection(ConnectionId=connection_id, Data=b"{}")


async def test_deployment_is_served_as_soon_as_it_changes(deployer, dial):
    """apigateway-set-up-websocket-deployment.html: a stage serves what is deployed to it."""
    changing = deployer.deploy({"echo": {"replies": True}})
    client = changing.target.client("apigatewayv2")
    socket = await dial(changing.url)
    await socket.ask(action="echo")
    started = time.monotonic()

    client.update_stage(
        ApiId=changing.api_id, StageName=STAGE,
        DefaultRouteSettings={"ThrottlingRateLimit": 0.0, "ThrottlingBurstLimit": 0},
    )  # fmt: skip

    while (await socket.ask(action="echo")).get("message") != "Too Many Requests":
        assert time.monotonic() - started < 30
        await asyncio.sleep(0.5)
