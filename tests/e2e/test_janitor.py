"""What nobody's event triggers: expired tokens, lost connections, the two-hour hand-over.

The tests do not wait for the schedule, which may run beside them: they run the janitor themselves, and move
the moments in a connection's record back.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from local_cloud.client import WAIT_SECONDS
from tests.e2e.test_leaving import gone

MINUTE = 60
HOUR = 60 * MINUTE


async def tend(stack) -> dict[str, Any]:
    """Run the janitor once; what it did."""
    return await asyncio.to_thread(stack.invoke_raw, "janitor", {})


def change(stack, connection_id: str, **moments: int) -> None:
    """Write moments into a connection's record, and make it due."""
    moments = {"due_at": int(time.time()) - 1, **moments}
    stack.table("connections").update_item(
        Key={"connection_id": connection_id},
        UpdateExpression="SET " + ", ".join(f"{name} = :{name}" for name in moments),
        ConditionExpression="attribute_exists(connection_id)",
        ExpressionAttributeValues={f":{name}": value for name, value in moments.items()},
    )


async def closed(person) -> None:
    await asyncio.wait_for(person.socket.wait_closed(), WAIT_SECONDS)


async def test_a_connection_near_its_two_hours_is_asked_to_reconnect_once(connects, user, stack):
    person = await connects(user)
    connection_id = await person.connection_id()
    change(stack, connection_id, connected_at=int(time.time()) - 118 * MINUTE)

    await tend(stack)
    frame = await person.hears("reconnect")
    assert frame["data"] == {"reason": "connectionLifetime", "graceSeconds": frame["data"]["graceSeconds"]}
    assert 60 <= frame["data"]["graceSeconds"] <= 120

    change(stack, connection_id)
    await tend(stack)
    assert (await person.ask("ping"))["type"] == "pong"
    assert len(person.all_heard("reconnect")) == 1


async def test_a_token_that_is_running_out_is_warned_of_once(connects, user, stack):
    expires = int(time.time()) + 60
    person = await connects(user, exp=expires)
    connection_id = await person.connection_id()

    await tend(stack)
    assert (await person.hears("tokenExpiring"))["data"] == {"expiresAt": expires}

    change(stack, connection_id)
    await tend(stack)
    assert (await person.ask("ping"))["type"] == "pong"
    assert len(person.all_heard("tokenExpiring")) == 1


async def test_a_connection_whose_token_ran_out_is_closed_and_forgotten(connects, user, topic, stack):
    person = await connects(user)
    await person.subscribe(topic)
    await person.subscribe(f"{topic}.more")
    connection_id = await person.connection_id()
    change(stack, connection_id, token_exp=int(time.time()) - 61)

    await tend(stack)

    await closed(person)
    await gone(stack, connection_id)


async def test_a_connection_stays_for_a_minute_after_its_token_ran_out(connects, user, stack):
    person = await connects(user)
    change(stack, await person.connection_id(), token_exp=int(time.time()) - 20)

    await tend(stack)

    assert (await person.hears("tokenExpiring"))["data"]["expiresAt"] < time.time()
    assert (await person.ask("refreshToken", {"token": stack.token(user)}))["type"] == "tokenRefreshed"


async def test_a_refresh_keeps_the_connection_and_is_warned_of_anew(connects, user, topic, stack):
    for _ in range(2):  # the run of each minute may be faster, but not twice in a row
        person = await connects(user)
        await person.subscribe(topic)
        connection_id = await person.connection_id()
        change(stack, connection_id, token_exp=int(time.time()) - 61)
        expires = int(time.time()) + 80
        refreshed = await person.ask("refreshToken", {"token": stack.token(user, exp=expires)})
        if refreshed["type"] == "tokenRefreshed":
            break
    assert refreshed["type"] == "tokenRefreshed"

    await tend(stack)

    assert (await person.hears("tokenExpiring"))["data"] == {"expiresAt": expires}
    assert (await person.connection_id()) == connection_id
    stack.publish(topic=topic, data={"title": "desk"})
    await person.hears("dealUpdate")


async def test_who_vanished_without_a_word_is_found_by_a_probe(connects, user, topic, stack):
    person, witness = await connects(user), await connects(f"{user}-witness")
    for number in range(3):
        await person.subscribe(f"{topic}.{number}")
    connection_id, there = await person.connection_id(), await witness.connection_id()
    stack.vanish(connection_id)
    await asyncio.sleep(0.5)
    assert len(stack.memberships(connection_id)) == 3, "the disconnect was not lost: this would prove nothing"
    change(stack, connection_id)
    change(stack, there)

    await tend(stack)

    await gone(stack, connection_id)
    assert (await witness.connection_id()) == there
    record = stack.table("connections").get_item(Key={"connection_id": there})["Item"]
    assert abs(int(record["due_at"]) - time.time() - 10 * MINUTE) < 30, "probed again in ten minutes"


async def test_a_record_past_two_hours_is_removed(connects, user, topic, stack):
    person = await connects(user)
    await person.subscribe(topic)
    connection_id = await person.connection_id()
    stack.vanish(connection_id)
    change(stack, connection_id, connected_at=int(time.time()) - 2 * HOUR - 61)

    await tend(stack)

    await gone(stack, connection_id)


async def test_runs_at_once_tell_everybody_once(connects, user, stack):
    expires = int(time.time()) + 80
    people = [await connects(f"{user}-{number}", exp=expires) for number in range(8)]

    await asyncio.gather(*(tend(stack) for _ in range(4)))

    for person in people:
        assert (await person.hears("tokenExpiring"))["data"] == {"expiresAt": expires}
    await tend(stack)
    for person in people:
        assert (await person.ask("ping"))["type"] == "pong"
        assert len(person.all_heard("tokenExpiring")) == 1


async def test_connections_are_counted(connects, user, stack):
    people = [await connects(f"{user}-{number}") for number in range(3)]

    def records():
        return stack.table("connections").scan(Select="COUNT", ConsistentRead=True)["Count"]

    before, tally, after = records(), await tend(stack), records()

    # Those of earlier tests may still be leaving; nobody comes.
    assert len(people) <= after <= tally["connections"] <= before
    assert (tally["failures"], tally["finished"]) == (0, True)


async def test_a_revoked_users_connections_are_closed_and_a_newer_token_is_not(connects, user, topic, stack):
    now = int(time.time())
    old, new = await connects(user, iat=now - 10), await connects(user, iat=now)
    await old.subscribe(topic)
    connection_id = await old.connection_id()
    stack.table("revocations").put_item(
        Item={
            "subject": f"u#{user}",
            "user_id": user,
            "before": now - 5,
            "revoked_at": now,
            "kind": "r",
            "expires_at": now + HOUR,
        }
    )

    await tend(stack)

    await closed(old)
    await gone(stack, connection_id)
    assert (await new.ask("ping"))["type"] == "pong"
