"""`deals_ops block`, `unblock` and `blocked`: a user stays out, whatever tokens are issued meanwhile."""

from __future__ import annotations

import asyncio
import time

import pytest
from websockets.exceptions import InvalidStatus

from local_cloud.client import WAIT_SECONDS
from tests.e2e.documented_shapes import documented_shape, key_paths
from tests.e2e.logs import Logs


@pytest.fixture
async def blocked(operator, user):
    """Blocks the user, and unblocks at the end."""

    async def block():
        return await operator.expect("block", user, "--yes", "--json")

    yield block
    await asyncio.to_thread(operator.run, "unblock", user)


async def connect_refused(connects, user, **claims):
    """Expect a refused handshake and return its HTTP status."""
    with pytest.raises(InvalidStatus) as refused:
        await connects(user, **claims)
    return refused.value.response.status_code


async def closes(person):
    """Wait until the server has closed a connection."""
    await asyncio.wait_for(person.socket.wait_closed(), WAIT_SECONDS)


async def test_block_closes_every_connection_and_refuses_every_token(connects, user, topic, stack, blocked):
    people, other = [await connects(user) for _ in range(3)], await connects(f"{user}-else")
    ids = [await person.connection_id() for person in people]
    await people[0].subscribe(topic)
    logs = Logs(stack)

    result = await blocked()

    assert key_paths(result.data) == key_paths(documented_shape("block"))
    assert set(result.data["closed"]) == set(ids)
    for person in people:
        await closes(person)
        assert person.heard[-1]["type"] == "closing"
        assert person.heard[-1]["data"] == {"reason": "blocked", "reconnect": False}
    assert (await other.ask("ping"))["type"] == "pong"
    for claims in ({}, {"iat": int(time.time()) + 25}, {"jti": f"{user}-new"}, {"topics": ["*"]}):
        assert await connect_refused(connects, user, **claims) == 403
    line = await logs.wait_for_line("authorizer", "connect_refused", user)
    assert (line["status"], line["reason"], line["userId"]) == (403, "blocked", user)
    assert stack.publish(topic=topic, data={})["total"] == 0


async def test_unblocked_user_connects_with_the_token_of_before(operator, connects, user, blocked):
    issued_at = int(time.time()) - 60
    await blocked()
    assert await connect_refused(connects, user, iat=issued_at) == 403
    listed = await operator.expect("blocked", "--json")
    assert key_paths(listed.data) == key_paths(documented_shape("blocked"))
    assert user in {item["userId"] for item in listed.data["blocked"]}
    assert user in (await operator.expect("blocked")).out

    lifted = await operator.expect("unblock", user, "--json")
    assert lifted.data == {"userId": user}
    assert key_paths(lifted.data) == key_paths(documented_shape("unblock"))
    person = await connects(user, iat=issued_at)
    assert (await person.ask("ping"))["type"] == "pong"
    listed = await operator.expect("blocked", "--json")
    assert user not in {item["userId"] for item in listed.data["blocked"]}
    assert "is not blocked" in (await operator.expect("unblock", user, code=3)).err


async def test_janitor_closes_what_opened_beside_a_block_and_tells(connects, user, stack):
    """The handshake had passed the authorizer when the user was blocked."""
    person, logs, now = await connects(user), Logs(stack), int(time.time())
    item = {
        "subject": f"b#{user}",
        "user_id": user,
        "before": 253_402_300_799,
        "revoked_at": now,
        "kind": "r",
    }
    stack.table("revocations").put_item(Item=item)
    try:
        refresh = {"token": stack.token(user, exp=now + 9000)}
        refused = await person.ask("refreshToken", refresh)
        assert refused["data"]["details"] == {"reason": "revoked"}
        while person.socket.close_code is None:
            await asyncio.to_thread(stack.invoke_raw, "janitor", {})
            await asyncio.sleep(0.2)
        assert (await logs.wait_for_line("janitor", "blocked_user_closed", user))["userId"] == user
    finally:
        stack.table("revocations").delete_item(Key={"subject": f"b#{user}"})
    assert (await (await connects(user)).ask("ping"))["type"] == "pong"


async def test_block_is_asked_for_and_a_reader_may_only_list(operator, reader, connects, user):
    person = await connects(user)
    assert (await operator.expect("block", user, code=6)).err
    assert "may not dynamodb:PutItem" in (await reader.expect("block", user, "--yes", code=4)).err
    assert "may not dynamodb:DeleteItem" in (await reader.expect("unblock", user, code=4)).err
    await reader.expect("blocked")
    assert (await person.ask("ping"))["type"] == "pong"
