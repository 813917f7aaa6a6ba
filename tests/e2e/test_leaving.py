"""Who leaves is forgotten: the record and every membership, whether or not `$disconnect` came."""

from __future__ import annotations

import asyncio
import time

from local_cloud.client import WAIT_SECONDS


async def gone(stack, connection_id: str) -> None:
    """Wait until neither table knows the connection."""
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
    await gone(stack, connection_id)


async def test_who_leaves_while_subscribing_leaves_no_membership(connects, user, topic, stack):
    """The record goes while the subscription is being written: whichever comes first, nothing stays."""
    for number in range(5):
        person = await connects(f"{user}-{number}")
        connection_id = await person.connection_id()
        await person.say(f'{{"action":"subscribeToDeals","data":{{"topic":"{topic}"}}}}')
        await asyncio.sleep(number * 0.01)
        await person.leave()
        await gone(stack, connection_id)
    assert stack.publish(topic=topic, data={"title": "desk"})["total"] == 0


async def test_a_gone_connection_is_removed_when_a_post_finds_it_gone(connects, user, topic, stack):
    person, witness = await connects(user), await connects(f"{user}-witness")
    await person.subscribe(topic)
    await person.subscribe(f"{topic}.more")
    await witness.subscribe(topic)
    connection_id = await person.connection_id()
    stack.vanish(connection_id)
    await asyncio.sleep(0.5)
    assert stack.memberships(connection_id), "the disconnect was not lost, so this test would prove nothing"
    answer = stack.publish(topic=topic, data={"title": "desk"})
    assert answer["delivered"] == 1
    await witness.hears("dealUpdate")
    await gone(stack, connection_id)
