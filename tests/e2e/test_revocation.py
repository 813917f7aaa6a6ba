"""Revoked tokens open no connection and refresh none, while tokens issued later do."""

from __future__ import annotations

import asyncio
import time

import pytest
from websockets.exceptions import InvalidStatus

from realtime_core.auth.tokens import LEEWAY_SECONDS


@pytest.fixture
def revoke(operator):
    """Revokes with the operator's command line."""

    def run(*arguments):
        result = operator.run("revoke", *arguments, "--yes")
        assert result.exit_code == 0, result.err
        assert arguments[0] in result.out

    return run


@pytest.fixture
def without_janitor(stack):
    """The janitor does not run by itself: it would close what was revoked within a minute, or just now."""
    events, rule = stack.stack.client("events"), stack.outputs["function_names"]["janitor"]
    events.disable_rule(Name=rule)
    yield
    events.enable_rule(Name=rule)


def read_revoked_until(stack, user):
    """Return the second up to which the user's tokens are revoked, which the command chose."""
    return int(stack.table("revocations").get_item(Key={"subject": f"u#{user}"})["Item"]["before"])


async def issue_newer(user, stack, second, **claims):
    """Return a token that was issued after a second, and is not of the future beyond the leeway."""
    await asyncio.sleep(max(0, second + 1 - LEEWAY_SECONDS - time.time()))
    return stack.token(user, iat=second + 1, **claims)


async def connect_refused(connects, user, **claims):
    """Expect a refused handshake and return its HTTP status."""
    with pytest.raises(InvalidStatus) as raised:
        await connects(user, **claims)
    return raised.value.response.status_code


async def test_revoked_user_reconnects_only_with_a_newer_token(connects, user, stack, revoke):
    now = int(time.time())
    await connects(user, iat=now - 5)
    revoke(user)
    assert await connect_refused(connects, user, iat=now - 5) == 401
    second = read_revoked_until(stack, user)
    assert now + LEEWAY_SECONDS <= second <= int(time.time()) + LEEWAY_SECONDS
    assert await connect_refused(connects, user, iat=second) == 401, "the issuer's clock may be ahead"
    await issue_newer(user, stack, second)
    person = await connects(user, iat=second + 1)
    assert (await person.ask("ping"))["type"] == "pong"
    assert (await connects(f"{user}-else", iat=now - 5)) is not None


async def test_revoked_token_is_refused_and_others_of_its_user_are_not(connects, user, revoke):
    await connects(user, jti=f"{user}-phone")
    revoke(user, "--token-id", f"{user}-phone")
    assert await connect_refused(connects, user, jti=f"{user}-phone") == 401
    await connects(user, jti=f"{user}-laptop")
    await connects(user)


@pytest.mark.usefixtures("without_janitor")
async def test_refresh_with_a_revoked_token_is_refused_and_leaves_the_connection(
    connects, user, stack, revoke
):
    person = await connects(user)
    before = (await person.ask("getStatus"))["data"]["tokenExpiresAt"]
    later = int(time.time()) + 7200
    stolen = stack.token(user, exp=later, jti=f"{user}-stolen")
    revoke(user, "--token-id", f"{user}-stolen")
    error = await person.ask("refreshToken", {"token": stolen})
    assert (error["data"]["code"], error["data"]["details"]) == (
        "AUTHENTICATION_ERROR",
        {"reason": "revoked"},
    )
    assert (await person.ask("getStatus"))["data"]["tokenExpiresAt"] == before

    revoke(user)
    second = read_revoked_until(stack, user)
    error = await person.ask("refreshToken", {"token": stack.token(user, exp=later, iat=second)})
    assert error["data"]["code"] == "AUTHENTICATION_ERROR"
    good = await issue_newer(user, stack, second, exp=later)
    assert (await person.ask("refreshToken", {"token": good}))["data"]["expiresAt"] == later


@pytest.mark.usefixtures("without_janitor")
async def test_refresh_by_a_newer_token_that_lives_shorter_outlasts_a_revocation(
    connects, user, stack, revoke
):
    person = await connects(user, exp=int(time.time()) + 7200)
    revoke(user)
    expires = int(time.time()) + 3000
    good = await issue_newer(user, stack, read_revoked_until(stack, user), exp=expires)
    assert (await person.ask("refreshToken", {"token": good}))["data"] == {"expiresAt": expires}

    await asyncio.to_thread(stack.invoke_raw, "janitor", {})
    assert (await person.ask("getStatus"))["data"]["tokenExpiresAt"] == expires


async def test_record_holds_the_token_with_the_latest_expiry(connects, user, stack):
    now = int(time.time())
    person = await connects(user, jti=f"{user}-1", iat=now - 3)
    key = {"connection_id": await person.connection_id()}
    table = stack.table("connections")
    record = table.get_item(Key=key)["Item"]
    assert (record["token_id"], record["issued_at"]) == (f"{user}-1", now - 3)

    # Of two concurrent refreshes the later expiry stays, in whichever order they arrive.
    longer = stack.token(user, jti=f"{user}-2", iat=now - 2, exp=now + 7200)
    shorter = stack.token(user, iat=now - 1, exp=now + 5000)
    replies = await asyncio.gather(
        person.ask("refreshToken", {"token": longer}), person.ask("refreshToken", {"token": shorter})
    )
    assert {reply["type"] for reply in replies} == {"tokenRefreshed"}
    record = table.get_item(Key=key, ConsistentRead=True)["Item"]
    assert (record["token_id"], record["issued_at"], record["token_exp"]) == (
        f"{user}-2",
        now - 2,
        now + 7200,
    )
    await person.ask("refreshToken", {"token": stack.token(user, exp=now + 9000)})
    assert "token_id" not in table.get_item(Key=key, ConsistentRead=True)["Item"]


async def test_revocation_during_a_broadcast_closes_the_user_and_loses_no_event_of_others(
    connects, user, topic, stack, revoke
):
    leaver, witness = await connects(f"{user}-leaver"), await connects(f"{user}-witness")
    await asyncio.gather(leaver.subscribe(topic), witness.subscribe(topic))

    async def publish() -> None:
        for number in range(20):
            await asyncio.to_thread(stack.publish, topic=topic, data={"number": number})

    publishing = asyncio.create_task(publish())
    await witness.hears("dealUpdate")
    await asyncio.to_thread(revoke, f"{user}-leaver")
    while not leaver.socket.close_code:
        await asyncio.to_thread(stack.invoke_raw, "janitor", {})
        await asyncio.sleep(0.1)
    await publishing

    await witness.hears(lambda frame: frame.get("data", {}).get("number") == 19)
    heard = [frame["data"]["number"] for frame in witness.all_heard("dealUpdate")]
    assert sorted(heard) == list(range(20))
    assert stack.publish(topic=topic, data={"number": 20})["total"] == 1
