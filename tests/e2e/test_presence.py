"""Protocol, `getPresence`: who of up to fifty users has a connection now."""

from __future__ import annotations

import asyncio
import time

from local_cloud.client import WAIT_SECONDS


async def presence(person, *users):
    """Ask for users; return who is online, by id, or the error."""
    reply = await person.ask("getPresence", {"users": list(users)})
    if reply["type"] == "error":
        return reply["data"]
    assert reply["type"] == "presence", reply
    return {user: state["online"] for user, state in reply["data"]["users"].items()}


async def until(person, user, *, online):
    """Wait until a user is, or is not, online."""
    deadline = time.monotonic() + WAIT_SECONDS
    while (found := await presence(person, user)) != {user: online}:
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.5)


async def test_user_is_online_from_the_first_connection_to_the_end_of_the_last(connects, user):
    asker, other = await connects(user), f"{user}-ben"
    assert await presence(asker, other, user) == {other: False, user: True}
    phone, laptop = await connects(other), await connects(other)
    assert await presence(asker, other, f"{other}2", other.upper()) == {
        other: True,
        f"{other}2": False,
        other.upper(): False,
    }
    await phone.leave()
    await asyncio.sleep(0.5)
    assert await presence(asker, other) == {other: True}
    await laptop.leave()
    await until(asker, other, online=False)


async def test_fifty_users_are_told_in_one_reply(connects, user):
    asker = await connects(user)
    await connects(f"{user}-0")
    users = [f"{user}-{number}" for number in range(50)]
    assert await presence(asker, *users) == {name: name == users[0] for name in users}
    error = await presence(asker, *users, "one-more")
    assert (error["code"], error["details"][0]["field"]) == ("VALIDATION_ERROR", "data.users")


async def test_presence_is_told_of_permitted_recipients_alone(connects, user):
    asker = await connects(user, recipients=[f"{user}-*"])
    await connects(f"{user}-ben")
    assert await presence(asker, f"{user}-ben") == {f"{user}-ben": True}
    for users in ([user], [f"{user}-ben", "somebody"], ["*"]):
        error = await presence(asker, *users)
        assert error["code"] in {"FORBIDDEN", "VALIDATION_ERROR"}
        if error["code"] == "FORBIDDEN":
            assert error["details"] == {"reason": "recipient", "recipientId": users[-1]}


async def test_presence_has_a_limit_of_its_own(connects, user):
    asker = await connects(user)
    replies = [await presence(asker, user) for _ in range(14)]
    assert "RATE_LIMITED" in {reply.get("code") for reply in replies}
    assert (await asker.ask("getMessages"))["type"] == "messages"
