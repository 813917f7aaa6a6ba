"""Protocol, "Connecting": where the token may be, and how the handshake is answered."""

from __future__ import annotations

import asyncio
import time

import jwt
import pytest
from boto3.dynamodb.conditions import Key
from websockets.exceptions import InvalidStatus

from local_cloud.client import WAIT_SECONDS, Person

PLACES = ["header", "subprotocol", "query"]


def place_token(token: str, where: str) -> tuple[str, dict]:
    """Return the suffix of the URL and the client's options that put a token in one of the three places."""
    if where == "header":
        return "", {"additional_headers": {"Authorization": f"Bearer {token}"}}
    if where == "subprotocol":
        return "", {"subprotocols": ["deals.v1", token]}
    return f"?token={token}", {}


async def connect_refused(stack, token: str | None, where: str = "header") -> int:
    """Expect a refused handshake and return its HTTP status."""
    suffix, options = place_token(token, where) if token is not None else ("", {})
    with pytest.raises(InvalidStatus) as refused:
        await Person.connect(stack.websocket_url + suffix, **options)
    return refused.value.response.status_code


@pytest.mark.parametrize("where", PLACES)
async def test_connect_with_a_valid_token_opens_as_its_user(stack, user, where):
    suffix, options = place_token(stack.token(user), where)
    person = await Person.connect(stack.websocket_url + suffix, **options)
    assert (await person.ask("getStatus"))["data"]["userId"] == user
    await person.leave()


async def test_connect_with_a_token_as_subprotocol_echoes_only_the_protocol(stack, user):
    person = await Person.connect(stack.websocket_url, subprotocols=["deals.v1", stack.token(user)])
    assert person.socket.subprotocol == "deals.v1"
    await person.leave()


async def test_connect_without_a_token_is_401(stack):
    assert await connect_refused(stack, None) == 401


@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(lambda stack, user: "not.a.jwt", id="malformed"),
        pytest.param(lambda stack, user: stack.token(user, exp=int(time.time()) - 60), id="expired"),
        pytest.param(
            lambda stack, user: jwt.encode(
                {"sub": user, "iat": int(time.time()), "exp": int(time.time()) + 600, "scope": "websocket"},
                "a-secret-that-is-not-the-service's-own",
                algorithm="HS256",
            ),
            id="wrongly-signed",
        ),
        pytest.param(
            lambda stack, user: jwt.encode(
                {"sub": user, "iat": int(time.time()), "exp": int(time.time()) + 600, "scope": "websocket"},
                None,
                algorithm="none",
            ),
            id="unsigned",
        ),
    ],
)
async def test_connect_with_an_invalid_token_is_401(stack, user, broken, where):
    assert await connect_refused(stack, broken(stack, user), where) == 401


async def test_connect_without_the_websocket_scope_is_403(stack, user):
    assert await connect_refused(stack, stack.token(user, scope="profile email")) == 403


async def test_connect_with_two_tokens_uses_the_first_place_only(stack, user):
    with pytest.raises(InvalidStatus) as refused:
        await Person.connect(
            f"{stack.websocket_url}?token={stack.token(user)}",
            additional_headers={"Authorization": "Bearer not.a.jwt"},
        )
    assert refused.value.response.status_code == 401


async def test_refused_handshake_reveals_no_detail(stack, user):
    with pytest.raises(InvalidStatus) as refused:
        await Person.connect(f"{stack.websocket_url}?token={stack.token(user, exp=int(time.time()) - 60)}")
    assert b"xpired" not in (refused.value.response.body or b"")


async def test_pushes_during_the_handshake_leave_the_record_and_arrive(connects, user, stack):
    """The record is found before API Gateway has opened the connection, and a post to it is answered 410."""
    sender = await connects(f"{user}-sender")
    # The answer to the first write of the record is lost, and two more attempts take long: so the record is
    # there while the handshake goes on.
    held = {"delay_ms": 4_000}
    for fault in ({"cut": "after"}, {"cut": "after", **held}, held):
        stack.control("faults", {"service": "dynamodb", "operation": "PutItem", "times": 1, **fault})

    opening = asyncio.create_task(connects(user))
    await wait_for_record(stack, user)
    await sender.ask("sendMessage", {"recipientId": user, "content": "hi"})
    notification = {
        "messageType": "notification",
        "recipients": [user],
        "data": {"title": "t", "message": "m"},
    }
    answer = await asyncio.to_thread(stack.invoke, "broadcast", notification)
    assert (answer["delivered"], answer["queued"]) == (0, 1)
    assert not opening.done(), "the handshake ended too early, so this test would prove nothing"

    person = await opening
    await person.hears("messageReceived")
    await person.hears("notification")
    status = await person.ask("getStatus")
    assert status["type"] == "statusUpdate"


async def wait_for_record(stack, user_id: str) -> None:
    """Wait until a connection of a user has a record."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not stack.table("connections").query(
        IndexName="UserIdIndex", KeyConditionExpression=Key("user_id").eq(user_id)
    )["Items"]:
        assert time.monotonic() < deadline, f"no record of {user_id}"
        await asyncio.sleep(0.05)
