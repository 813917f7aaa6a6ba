"""A closed connection is forgotten: its record and every membership, with or without `$disconnect`."""

from __future__ import annotations

import asyncio
import time

from local_cloud.client import WAIT_SECONDS


async def wait_forgotten(stack, connection_id: str) -> None:
    """Wait until neither table holds anything of the connection."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        record = stack.table("connections").get_item(Key={"connection_id": connection_id}).get("Item")
        if record is None and not stack.memberships(connection_id):
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"{connection_id} is still known: {record}, {stack.memberships(connection_id)}")


async def test_disconnect_removes_the_record_and_all_memberships(connects, user, topic, stack):
    person = await connects(user)
    for number in range(3):
        await person.subscribe(f"{topic}.{number}")
    connection_id = await person.connection_id()
    assert len(stack.memberships(connection_id)) == 3
    await person.leave()
    await wait_forgotten(stack, connection_id)


async def test_disconnect_during_a_subscribe_leaves_no_membership(connects, user, topic, stack):
    """The record is deleted while the subscription is written: in either order, nothing stays."""
    for number in range(5):
        person = await connects(f"{user}-{number}")
        connection_id = await person.connection_id()
        await person.say(f'{{"action":"subscribeToDeals","data":{{"topic":"{topic}"}}}}')
        await asyncio.sleep(number * 0.01)
        await person.leave()
        await wait_forgotten(stack, connection_id)
    assert stack.publish(topic=topic, data={"title": "desk"})["total"] == 0


async def test_lost_connection_is_removed_when_a_post_reports_it_gone(connects, user, topic, stack):
    person, witness = await connects(user), await connects(f"{user}-witness")
    await person.subscribe(topic)
    await person.subscribe(f"{topic}.more")
    await witness.subscribe(topic)
    connection_id = await person.connection_id()

    stack.vanish(connection_id)
    await asyncio.sleep(0.5)
    assert stack.memberships(connection_id), "the disconnect was not lost, so this test would prove nothing"

    response = stack.publish(topic=topic, data={"title": "desk"})
    assert response["delivered"] == 1
    await witness.hears("dealUpdate")
    await wait_forgotten(stack, connection_id)
