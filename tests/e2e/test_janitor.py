"""What no event of a client triggers: expired tokens, lost connections, the handover before two hours.

The tests do not wait for the schedule, which may run at the same time: they invoke the janitor themselves and
move the times in a connection's record back.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from local_cloud.client import WAIT_SECONDS
from realtime_core.connections.schedule import PARTITIONS
from tests.e2e.test_leaving import wait_forgotten

DUE_IN_SECONDS = 1
MINUTE = 60
HOUR = 60 * MINUTE


async def run_janitor(stack) -> dict[str, Any]:
    """Run the janitor once, with all of the work, and return its report.

    A run that another one, such as the schedule's, left parts to others is repeated when that has ended.
    """
    await asyncio.sleep(DUE_IN_SECONDS + 0.1)
    while True:
        report = await asyncio.to_thread(stack.invoke_raw, "janitor", {})
        if not report["leftToOthers"]:
            return report
        await asyncio.sleep(0.2)


def set_times(stack, connection_id: str, **times: int) -> None:
    """Write times (epoch seconds) into a connection's record, and make it due in a moment.

    Not at once: a run that has just sent the notices of this second would not send it one.
    """
    times = {"due_at": int(time.time()) + DUE_IN_SECONDS, **times}
    stack.table("connections").update_item(
        Key={"connection_id": connection_id},
        UpdateExpression="SET " + ", ".join(f"{name} = :{name}" for name in times),
        ConditionExpression="attribute_exists(connection_id)",
        ExpressionAttributeValues={f":{name}": value for name, value in times.items()},
    )


def start_round_of_probes(stack) -> None:
    """Forget how far the walks through the schedule have come: the next run begins at the start."""
    for partition in range(PARTITIONS):
        stack.table("history").delete_item(Key={"pk": f"janitor#due#{partition}", "position": 0})


async def wait_closed(person) -> None:
    await asyncio.wait_for(person.socket.wait_closed(), WAIT_SECONDS)


def last_words(person) -> dict:
    """The data of the `closing` frame, which is the last one."""
    assert person.heard[-1]["type"] == "closing"
    return person.heard[-1]["data"]


async def test_connection_near_two_hours_is_asked_to_reconnect_once(connects, user, stack):
    person = await connects(user)
    connection_id = await person.connection_id()
    set_times(stack, connection_id, connected_at=int(time.time()) - 118 * MINUTE)

    await run_janitor(stack)
    frame = await person.hears("reconnect")
    assert frame["data"] == {"reason": "connectionLifetime", "graceSeconds": frame["data"]["graceSeconds"]}
    assert 60 <= frame["data"]["graceSeconds"] <= 120

    await run_janitor(stack)
    assert (await person.ask("ping"))["type"] == "pong"
    assert len(person.all_heard("reconnect")) == 1


async def test_token_near_its_expiry_is_warned_of_once(connects, user, stack):
    expires = int(time.time()) + 60
    person = await connects(user, exp=expires)

    await run_janitor(stack)
    assert (await person.hears("tokenExpiring"))["data"] == {"expiresAt": expires}

    await run_janitor(stack)
    assert (await person.ask("ping"))["type"] == "pong"
    assert len(person.all_heard("tokenExpiring")) == 1


async def test_connection_with_an_expired_token_is_closed_and_forgotten(connects, user, topic, stack):
    person = await connects(user)
    await person.subscribe(topic)
    await person.subscribe(f"{topic}.more")
    connection_id = await person.connection_id()
    set_times(stack, connection_id, token_exp=int(time.time()) - 61)

    await run_janitor(stack)

    await wait_closed(person)
    assert last_words(person) == {"reason": "expired", "reconnect": True}
    await wait_forgotten(stack, connection_id)


async def test_connection_stays_open_for_a_minute_after_its_token_expired(connects, user, stack):
    person = await connects(user)
    set_times(stack, await person.connection_id(), token_exp=int(time.time()) - 20)

    await run_janitor(stack)

    assert (await person.hears("tokenExpiring"))["data"]["expiresAt"] < time.time()
    assert (await person.ask("refreshToken", {"token": stack.token(user)}))["type"] == "tokenRefreshed"


async def test_refreshed_connection_stays_and_is_warned_of_the_new_expiry(connects, user, topic, stack):
    # The scheduled run may close the connection first, but not twice in a row.
    for _ in range(2):
        person = await connects(user)
        await person.subscribe(topic)
        connection_id = await person.connection_id()
        set_times(stack, connection_id, token_exp=int(time.time()) - 61)
        expires = int(time.time()) + 80
        refreshed = await person.ask("refreshToken", {"token": stack.token(user, exp=expires)})
        if refreshed["type"] == "tokenRefreshed":
            break
    assert refreshed["type"] == "tokenRefreshed"

    await run_janitor(stack)

    assert (await person.hears("tokenExpiring"))["data"] == {"expiresAt": expires}
    assert (await person.connection_id()) == connection_id
    stack.publish(topic=topic, data={"title": "desk"})
    await person.hears("dealUpdate")


async def test_lost_connection_is_removed_by_a_probe(connects, user, topic, stack):
    person, witness = await connects(user), await connects(f"{user}-witness")
    for number in range(3):
        await person.subscribe(f"{topic}.{number}")
    connection_id, witness_id = await person.connection_id(), await witness.connection_id()

    stack.vanish(connection_id)
    await asyncio.sleep(0.5)
    assert len(stack.memberships(connection_id)) == 3, (
        "the disconnect was not lost, so this test would prove nothing"
    )
    # Nothing was heard of either for longer than the interval, and nothing is due for them.
    later = int(time.time()) + HOUR
    for silent in (connection_id, witness_id):
        set_times(stack, silent, connected_at=int(time.time()) - 15 * MINUTE, due_at=later)
    start_round_of_probes(stack)

    await run_janitor(stack)

    await wait_forgotten(stack, connection_id)
    assert (await witness.connection_id()) == witness_id
    record = stack.table("connections").get_item(Key={"connection_id": witness_id})["Item"]
    assert record["due_at"] == later, "a probe writes nothing"


async def test_record_older_than_two_hours_is_removed(connects, user, topic, stack):
    person = await connects(user)
    await person.subscribe(topic)
    connection_id = await person.connection_id()
    stack.vanish(connection_id)
    set_times(stack, connection_id, connected_at=int(time.time()) - 2 * HOUR - 61)

    await run_janitor(stack)

    await wait_forgotten(stack, connection_id)


async def test_concurrent_runs_warn_everybody_once(connects, user, stack):
    expires = int(time.time()) + 80
    people = [await connects(f"{user}-{number}", exp=expires) for number in range(8)]

    await asyncio.gather(*(run_janitor(stack) for _ in range(4)))

    for person in people:
        assert (await person.hears("tokenExpiring"))["data"] == {"expiresAt": expires}
    await run_janitor(stack)
    for person in people:
        assert (await person.ask("ping"))["type"] == "pong"
        assert len(person.all_heard("tokenExpiring")) == 1


async def test_run_reports_the_number_of_connections(connects, user, stack):
    people = [await connects(f"{user}-{number}") for number in range(3)]

    def count_records():
        return stack.table("connections").scan(Select="COUNT", ConsistentRead=True)["Count"]

    before, report, after = count_records(), await run_janitor(stack), count_records()

    # Connections of earlier tests may still be closing; no test opens any meanwhile.
    assert len(people) <= after <= report["connections"] <= before
    assert (report["failures"], report["finished"]) == (0, True)


async def test_revoked_user_keeps_only_connections_with_a_newer_token(connects, user, topic, stack):
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

    await run_janitor(stack)

    await wait_closed(old)
    assert last_words(old) == {"reason": "revoked", "reconnect": True}
    await wait_forgotten(stack, connection_id)
    assert (await new.ask("ping"))["type"] == "pong"
