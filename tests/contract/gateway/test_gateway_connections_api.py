"""`@connections`: posting to, describing and closing a connection.

docs.aws.amazon.com/apigateway/latest/developerguide/: apigateway-how-to-call-websocket-api-connections.html;
errors from the reference of apigatewaymanagementapi.
"""

from __future__ import annotations

import asyncio
import functools
import json
import time
import uuid
from datetime import UTC, datetime

import boto3
import pytest
from botocore.exceptions import ClientError
from websockets.exceptions import ConnectionClosed

KB = 1024


def code_of(call, **arguments):
    """Status and error code of a call that must fail."""
    with pytest.raises(ClientError) as failed:
        call(**arguments)
    response = failed.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


@pytest.mark.parametrize("data", [b"{}", "grüße".encode(), b"x" * (32 * KB), b"x" * (128 * KB)])
async def test_post_reaches_the_client_as_one_text_message(api, dial, data):
    client = await dial(api.url, max_size=None)
    connection_id = await client.connection_id()

    api.management().post_to_connection(ConnectionId=connection_id, Data=data)

    assert await client.socket.recv() == data.decode()


async def test_posts_arrive_in_the_order_in_which_they_were_accepted(api, dial):
    client = await dial(api.url)
    connection_id = await client.connection_id()
    management = api.management()

    for n in range(20):
        management.post_to_connection(ConnectionId=connection_id, Data=str(n).encode())

    assert [await client.socket.recv() for _ in range(20)] == [str(n) for n in range(20)]


@pytest.mark.parametrize("size", [128 * KB + 1, 2048 * KB])
async def test_post_of_more_than_128_kb_is_too_large(api, dial, size):
    connection_id = await (await dial(api.url)).connection_id()

    answer = code_of(api.management().post_to_connection, ConnectionId=connection_id, Data=b"x" * size)

    assert answer == (413, "PayloadTooLargeException")


async def test_post_to_a_closed_connection_is_gone(api, dial):
    client = await dial(api.url)
    connection_id = await client.connection_id()
    await client.socket.close()
    await api.await_event("DISCONNECT", connection_id)

    answer = code_of(api.management().post_to_connection, ConnectionId=connection_id, Data=b"{}")

    assert answer == (410, "GoneException")


@pytest.mark.parametrize("call", ["post_to_connection", "get_connection", "delete_connection"])
async def test_connection_that_never_was_is_gone(api, call):
    more = {"Data": b"{}"} if call == "post_to_connection" else {}

    assert code_of(getattr(api.management(), call), ConnectionId="L0SM9cOFvHcCIhw=", **more)[0] == 410


async def test_malformed_connection_id_is_a_bad_request(api):
    """github.com/localstack/localstack/issues/4694, and the message recorded there."""
    with pytest.raises(ClientError, match="Invalid connectionId: no-such-thing") as failed:
        api.management().post_to_connection(ConnectionId="no-such-thing", Data=b"{}")

    assert failed.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


async def test_connection_of_another_api_is_gone(api, guarded, dial):
    connection_id = await (await dial(api.url)).connection_id()

    assert code_of(guarded.management().get_connection, ConnectionId=connection_id)[0] == 410


@pytest.mark.local_only("the function calls back to this machine while $connect runs")
async def test_connection_is_gone_until_connect_has_returned(api, dial):
    """apigateway-websocket-api-route-keys-connect-disconnect.html; re:Post "410 gone api gateway"."""
    early = []

    async def post_early(reader, writer):
        connection_id = (await reader.readline()).split()[1].decode().removeprefix("/")
        post = functools.partial(code_of, api.management().post_to_connection, Data=b"early")
        early.append(await asyncio.to_thread(post, ConnectionId=connection_id))
        writer.write(b"HTTP/1.0 200 OK\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(post_early, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        client = await dial(f"{api.url}?tell=http://127.0.0.1:{port}/")

    assert early == [(410, "GoneException")]
    api.management().post_to_connection(ConnectionId=await client.connection_id(), Data=b"late")
    assert await client.socket.recv() == "late"


async def test_get_returns_times_and_identity(api, dial):
    before = datetime.now(UTC)
    client = await dial(api.url, user_agent_header="contract/1.0")
    connection_id = await client.connection_id()

    described = api.management().get_connection(ConnectionId=connection_id)

    assert abs((described["ConnectedAt"] - before).total_seconds()) < 5
    assert described["LastActiveAt"] >= described["ConnectedAt"]
    assert described["Identity"]["UserAgent"] == "contract/1.0"
    assert described["Identity"]["SourceIp"]


async def test_delete_closes_the_socket_and_runs_disconnect(api, dial):
    """The event as reported in github.com/boto/boto3/issues/3789."""
    client = await dial(api.url)
    connection_id = await client.connection_id()
    management = api.management()

    answer = management.delete_connection(ConnectionId=connection_id)

    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    with pytest.raises(ConnectionClosed) as closed:
        await client.socket.recv()
    assert closed.value.rcvd.code == 1000
    assert code_of(management.get_connection, ConnectionId=connection_id)[0] == 410
    context = (await api.await_event("DISCONNECT", connection_id))["requestContext"]
    assert (context["disconnectStatusCode"], context["disconnectReason"]) == (
        1000,
        "Connection Closed Normally",
    )


@pytest.fixture
def caller(api):
    """Create a user whose only policy allows ManageConnections on a resource; deleted after the test."""
    iam, created = api.target.client("iam"), []

    def make(resource):
        name = f"gateway-contract-{uuid.uuid4().hex[:8]}"
        iam.create_user(UserName=name)
        statement = {"Effect": "Allow", "Action": "execute-api:ManageConnections", "Resource": resource}
        iam.put_user_policy(
            UserName=name,
            PolicyName="p",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        )
        key = iam.create_access_key(UserName=name)["AccessKey"]
        created.append((name, key["AccessKeyId"]))
        if api.target.endpoint is None:
            time.sleep(10)  # a new key is not known everywhere at once
        return boto3.Session(
            key["AccessKeyId"], key["SecretAccessKey"], region_name=api.target.session.region_name
        )

    yield make
    for name, key in created:
        iam.delete_access_key(UserName=name, AccessKeyId=key)
        iam.delete_user_policy(UserName=name, PolicyName="p")
        iam.delete_user(UserName=name)


async def test_caller_may_do_just_what_its_policy_allows(api, dial, caller):
    """apigateway-websocket-control-access-iam.html: ManageConnections on STAGE/METHOD/@connections/*."""
    client = await dial(api.url)
    connection_id = await client.connection_id()
    region, account = api.target.session.region_name, api.target.account
    poster = caller(f"arn:aws:execute-api:{region}:{account}:{api.api_id}/test/POST/@connections/*")

    api.management(poster).post_to_connection(ConnectionId=connection_id, Data=b"allowed")

    assert await client.socket.recv() == "allowed"
    assert code_of(api.management(poster).delete_connection, ConnectionId=connection_id)[0] == 403
    assert await client.connection_id() == connection_id


async def test_forged_signature_is_forbidden(api, dial, caller):
    connection_id = await (await dial(api.url)).connection_id()
    credentials = caller("*").get_credentials()
    forger = boto3.Session(
        credentials.access_key, "not-the-secret", region_name=api.target.session.region_name
    )

    assert code_of(api.management(forger).post_to_connection, ConnectionId=connection_id, Data=b"x")[0] == 403


@pytest.mark.local_only("it takes an unknown amount of data to fill AWS's buffer")
async def test_client_that_does_not_read_fills_its_buffer(api, dial):
    """LimitExceededException: "…or the WebSocket client side buffer is full"."""
    client = await dial(api.url, max_queue=1)
    connection_id = await client.connection_id()
    management = api.management()

    def push():
        for _ in range(200):
            management.post_to_connection(ConnectionId=connection_id, Data=b"x" * (100 * KB))

    answer = await asyncio.to_thread(code_of, push)
    client.socket.transport.abort()

    assert answer == (429, "LimitExceededException")
