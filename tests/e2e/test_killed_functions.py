"""Operations, "What is promised": an accepted event goes on although its function is killed.

The pauses are the stack's own: the visibility timeouts that Terraform gave the queues.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.e2e.service import Service

GOES_ON_WITHIN_SECONDS = 90
# The local environment's direct audience is 10: more go through the deliveries queue.
MANY = 12


async def kill_while_posting(stack: Service, function: str, event: dict[str, Any]) -> float:
    """Send an event to the queue, and kill the function while it waits for its first post.

    Returns the monotonic time of that. The post itself is lost.
    """
    held = {"delay_ms": 2_000, "cut": "before", "times": 1}
    fault = {"service": "execute-api", "operation": "PostToConnection", **held}
    fault_id = stack.control("faults", fault)["fault_id"]
    stack.send("events", event)

    # The queues themselves may hold a message for a visibility timeout, where an earlier receiver was killed.
    deadline = time.monotonic() + GOES_ON_WITHIN_SECONDS
    while not stack.control("faults", method="GET")[0]["hits"]:
        assert time.monotonic() < deadline, "nothing was posted"
        await asyncio.sleep(0.1)

    assert stack.kill(function), f"no process of {function} was found"
    killed_at = time.monotonic()
    stack.control(f"faults/{fault_id}", method="DELETE")
    return killed_at


@pytest.mark.timeout(600)
async def test_events_of_a_killed_broadcast_and_of_a_killed_delivery_reach_everybody_in_time(
    connects, user, topic, stack
):
    one, many = await connects(user), [await connects(f"{user}-{number}") for number in range(MANY)]
    await one.subscribe(f"{topic}.small")
    for person in many:
        await person.subscribe(f"{topic}.large")

    waits = []
    for function, name, people in (("broadcast", "small", [one]), ("delivery", "large", many)):
        event_id = f"e-{uuid.uuid4()}"
        event = {
            "messageType": "dealUpdate",
            "topic": f"{topic}.{name}",
            "data": {"n": 1},
            "eventId": event_id,
        }
        killed_at = await kill_while_posting(stack, function, event)
        waits += [(person, event_id, killed_at) for person in people]

    for person, event_id, killed_at in waits:
        left = killed_at + GOES_ON_WITHIN_SECONDS - time.monotonic()
        await person.hears(lambda frame, event_id=event_id: frame.get("eventId") == event_id, within=left)
