"""A taste of `make load`: a small crowd, held to what every size of it is held to."""

from __future__ import annotations

import pytest

from tests.load.accounts import CLIENT, EMULATOR, GATEWAY
from tests.load.scenarios import SCENARIOS, Load, Size

TASTE = Size(connections=12, seconds=3, rate=2, topics=3, concurrency=6)


async def test_small_crowd_gets_every_event_once_and_keeps_its_connections(stack):
    if not stack.stack.has_control_api:
        pytest.skip(
            "processes are accounted for on this project's local cloud alone: unset LOCALSTACK_ENDPOINT"
        )
    load = Load(stack.stack, TASTE)
    figures = await SCENARIOS["steady"](load)
    assert (figures["missing"], figures["twice"], figures["dropped"]) == (0, 0, 0)
    assert figures["due"] >= len(load.published) == load.publishing()["accepted"] > 0

    use = load.use()
    assert {CLIENT, GATEWAY, EMULATOR, "broadcast", "message_router"} <= use.keys()
    assert use["message_router"]["memory_mb"] > 0
