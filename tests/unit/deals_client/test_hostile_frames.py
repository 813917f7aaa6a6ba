"""Frames that no service sends: none stops the client."""

from __future__ import annotations

import asyncio
import json
import random

import pytest

from clients.conformance.runner.server import ScenarioServer
from clients.conformance.runner.service import Service
from deals_client import DealsClient

TOPIC = "electronics.laptops"
FRAMES = 400
VALUES = [None, True, 0, -1, 1e308, "", "x", "__proto__", [], [None], {}, {"data": None}, {"frames": [None]}]
TYPES = [
    "batch",
    "error",
    "events",
    "messageReceived",
    "messageStatus",
    "notification",
    "reconnect",
    "subscriptionConfirmed",
    "tokenExpiring",
    "closing",
    *VALUES,
]
FIELDS = ["requestId", "position", "eventId", "topic", "filters", "timestamp", "expiresAt"]
PARTS = [*FIELDS, "code", "graceSeconds", "retryAfterMs", "reason", "messageId"]


def hostile_frames(draw):
    for _ in range(FRAMES):
        data = draw.choice([draw.choice(VALUES), {name: draw.choice(VALUES) for name in PARTS}])
        frame = {"type": draw.choice(TYPES), "data": data}
        frame |= {name: draw.choice(VALUES) for name in FIELDS if draw.random() < 0.3}
        # A good one of these moves or ends the connection, as it should.
        if frame["type"] == "reconnect" and isinstance(data, dict) and data.get("graceSeconds") is None:
            continue
        yield frame


@pytest.mark.parametrize("seed", range(3))
async def test_no_malformed_frame_stops_the_client_and_the_next_event_still_arrives(seed):
    got = asyncio.Event()
    async with ScenarioServer(Service()) as server:
        client = DealsClient(server.url, lambda _reason: server.service.issue_token())
        async with client:
            subscription = client.subscribe(
                TOPIC, on_event=lambda event: event.data == {"n": 1} and got.set()
            )
            await subscription.ready()
            for frame in hostile_frames(random.Random(seed)):
                await server.send_to_all(json.dumps(frame))
            await server.push([server.service.add_event(TOPIC, {"n": 1}, None, "dealUpdate", None)])
            await asyncio.wait_for(got.wait(), 10)
            assert client.state == "connected"
