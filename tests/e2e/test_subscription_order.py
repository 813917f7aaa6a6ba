"""Frames of a socket are worked off side by side; of a topic's requests the last received is in force."""

from __future__ import annotations

import asyncio
import json
import random

import pytest

from local_cloud.client import Person

# Twenty subscriptions at once are a user's limit.
ROUNDS_OF_A_USER = 6
USERS = 3
SEQUENCES = {
    "two": [{"price": 1}, {"price": 2}],
    "three": [{"price": 1}, None, {"price": 3}],
    "leaving": [{"price": 1}, {"price": 2}, None],
}
"""The filters asked for in a row; None unsubscribes."""


async def ask_in_a_row(person: Person, topic: str, filters: list[dict[str, int] | None]) -> None:
    """Send requests without waiting for replies, then wait for all; each reply is that of its request."""
    ids = []
    for number, wanted in enumerate(filters):
        ids.append(f"{topic}-{number}")
        action = "unsubscribeFromDeals" if wanted is None else "subscribeToDeals"
        data = {"topic": topic} if wanted is None else {"topic": topic, "filters": wanted}
        await person.socket.send(json.dumps({"action": action, "data": data, "requestId": ids[-1]}))
        # Received before the next one, and not within one millisecond: there either may be the last.
        await (await person.socket.ping())
        await asyncio.sleep(0.002)

    for request_id, wanted in zip(ids, filters, strict=True):
        reply = await person.hears(lambda frame, wanted_id=request_id: frame.get("requestId") == wanted_id)
        kind = "unsubscriptionConfirmed" if wanted is None else "subscriptionConfirmed"
        assert (reply["type"], reply["data"].get("filters")) == (kind, wanted), reply


@pytest.mark.parametrize("name", SEQUENCES)
async def test_requests_in_a_row_on_one_socket_leave_the_last_one_in_force(
    connects, user, topic, stack, name
):
    filters = SEQUENCES[name]
    expected = [] if filters[-1] is None else [filters[-1]]

    people = [await connects(f"{user}-{number}") for number in range(USERS)]
    for person in people:
        await person.ask("getStatus")  # so that no function starts cold

    async def play(number: int, person: Person) -> None:
        topics = [f"{topic}-{number}-{turn}" for turn in range(ROUNDS_OF_A_USER)]
        for one in topics:
            await ask_in_a_row(person, one, filters)
            await asyncio.sleep(random.uniform(0, 0.02))
        status = (await person.ask("getStatus"))["data"]["subscriptions"]
        in_force = {one: [item["filters"] for item in status if item["topic"] == one] for one in topics}
        assert in_force == dict.fromkeys(topics, expected)
        members = await asyncio.to_thread(stack.memberships, await person.connection_id())
        assert len(members) == len(expected) * len(topics)

    async with asyncio.TaskGroup() as group:
        for number, person in enumerate(people):
            group.create_task(play(number, person))
