"""Tokens that were taken back: no handshake, no refresh, while what was issued later is good."""

from __future__ import annotations

import asyncio
import time

import pytest
from websockets.exceptions import InvalidStatus


@pytest.fixture
def revokes(operator):
    """Revoke as an operator does."""

    def run(*arguments):
        result = operator.run("revoke", *arguments, "--yes")
        assert result.exit_code == 0, result.err
        assert arguments[0] in result.out

    return run


def revoked_until(stack, user):
    """The second up to which the user's tokens were taken back; how long the command took is not known."""
    return int(stack.table("revocations").get_item(Key={"subject": f"u#{user}"})["Item"]["before"])


async def refused(connects, user, **claims):
    with pytest.raises(InvalidStatus) as raised:
        await connects(user, **claims)
    return raised.value.response.status_code


async def test_a_revoked_user_reconnects_only_with_a_token_issued_since(connects, user, stack, revokes):
    now = int(time.time())
    await connects(user, iat=now - 5)
    revokes(user)
    assert await refused(connects, user, iat=now - 5) == 403
    second = revoked_until(stack, user)
    assert now <= second <= int(time.time())
    assert await refused(connects, user, iat=second) == 403, "of the same second: to be safe"
    person = await connects(user, iat=second + 1)
    assert (await person.ask("ping"))["type"] == "pong"
    assert (await connects(f"{user}-else", iat=now - 5)) is not None


async def test_a_revoked_token_is_refused_and_others_of_its_user_are_not(connects, user, revokes):
    await connects(user, jti=f"{user}-phone")
    revokes(user, "--token-id", f"{user}-phone")
    assert await refused(connects, user, jti=f"{user}-phone") == 403
    await connects(user, jti=f"{user}-laptop")
    await connects(user)


async def test_refreshing_with_a_revoked_token_is_refused_and_leaves_the_connection(
    connects, user, stack, revokes
):
    person = await connects(user)
    before = (await person.ask("getStatus"))["data"]["tokenExpiresAt"]
    later = int(time.time()) + 7200
    stolen = stack.token(user, exp=later, jti=f"{user}-stolen")
    revokes(user, "--token-id", f"{user}-stolen")
    error = await person.ask("refreshToken", {"token": stolen})
    assert error["data"]["code"] == "AUTHENTICATION_ERROR"
    assert (await person.ask("getStatus"))["data"]["tokenExpiresAt"] == before
    revokes(user)
    second = revoked_until(stack, user)
    error = await person.ask("refreshToken", {"token": stack.token(user, exp=later, iat=second)})
    assert error["data"]["code"] == "AUTHENTICATION_ERROR"
    good = stack.token(user, exp=later, iat=second + 1)
    assert (await person.ask("refreshToken", {"token": good}))["data"]["expiresAt"] == later


async def test_the_record_names_the_token_that_the_connection_lives_by(connects, user, stack):
    now = int(time.time())
    person = await connects(user, jti=f"{user}-1", iat=now - 3)
    key = {"connection_id": await person.connection_id()}
    table = stack.table("connections")
    record = table.get_item(Key=key)["Item"]
    assert (record["token_id"], record["issued_at"]) == (f"{user}-1", now - 3)
    # Two refreshes that cross: the one that lives longer stays, whichever comes last.
    longer = stack.token(user, jti=f"{user}-2", iat=now - 2, exp=now + 7200)
    shorter = stack.token(user, iat=now - 1, exp=now + 5000)
    answers = await asyncio.gather(
        person.ask("refreshToken", {"token": longer}), person.ask("refreshToken", {"token": shorter})
    )
    assert {answer["type"] for answer in answers} == {"tokenRefreshed"}
    record = table.get_item(Key=key, ConsistentRead=True)["Item"]
    assert (record["token_id"], record["issued_at"], record["token_exp"]) == (
        f"{user}-2",
        now - 2,
        now + 7200,
    )
    await person.ask("refreshToken", {"token": stack.token(user, exp=now + 9000)})
    assert "token_id" not in table.get_item(Key=key, ConsistentRead=True)["Item"]


async def test_a_user_revoked_during_a_broadcast_is_closed_and_nobody_else_misses_a_thing(
    connects, user, topic, stack, revokes
):
    leaver, witness = await connects(f"{user}-leaver"), await connects(f"{user}-witness")
    await asyncio.gather(leaver.subscribe(topic), witness.subscribe(topic))

    async def publish() -> None:
        for number in range(20):
            await asyncio.to_thread(stack.publish, topic=topic, data={"number": number})

    publishing = asyncio.create_task(publish())
    await witness.hears("dealUpdate")
    await asyncio.to_thread(revokes, f"{user}-leaver")
    while not leaver.socket.close_code:
        await asyncio.to_thread(stack.invoke_raw, "janitor", {})
        await asyncio.sleep(0.1)
    await publishing

    await witness.hears(lambda frame: frame.get("data", {}).get("number") == 19)
    heard = [frame["data"]["number"] for frame in witness.all_heard("dealUpdate")]
    assert sorted(heard) == list(range(20))
    assert stack.publish(topic=topic, data={"number": 20})["total"] == 1
