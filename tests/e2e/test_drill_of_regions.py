"""docs/drills.md, played: a Region fails while people are connected to it, and another serves them.

One local cloud plays both: what stands for the failure is that the Region's bus takes nothing, and that its
connections end.
"""

from __future__ import annotations

import asyncio
import json
import os
import time

import pytest

from local_cloud.client import Person
from local_cloud.settings import find_port
from tests.e2e.conftest import APPLY_SECONDS_MAX, REDIS_PORTS_BESIDE
from tests.e2e.drills import Drill
from tests.e2e.regions import running_regions

pytestmark = pytest.mark.timeout(APPLY_SECONDS_MAX)
BUS_FAILS = {"service": "events", "operation": "PutEvents", "status": 500}
WAITING_SECONDS = 30
RETURNED_SECONDS = 150
"""A forward is tried again 45 seconds after the attempt that failed."""


@pytest.fixture(scope="module")
def regions():
    if os.environ.get("LOCALSTACK_ENDPOINT"):
        pytest.skip("the two deployments are on an embedded local cloud: unset LOCALSTACK_ENDPOINT")
    with running_regions(find_port() + 2 * REDIS_PORTS_BESIDE) as running:
        yield running


async def connect(region, token):
    return await Person.connect(region.websocket_url, additional_headers={"Authorization": f"Bearer {token}"})


async def waiting_forwards(drill):
    """How many forwards the page's first command shows."""
    lines = (await drill.play(0, codes=(0, 1))).splitlines()
    status = json.loads(lines[0])
    (queue,) = [queue for queue in status["queues"] if queue["queue"] == "forwards"]
    return queue["waiting"] + queue["inFlight"]


async def wait_until(condition, seconds):
    deadline = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        await asyncio.sleep(1)


async def test_people_of_a_region_that_fails_go_on_in_another(regions, user, topic, tmp_path):
    east, west = regions
    taking_over = Drill(west, tmp_path, "Another Region takes over", environment="west")
    token = east.token(user)
    traveller, neighbour = await connect(east, token), await connect(east, token)
    for person in (traveller, neighbour):
        await person.subscribe(topic)
    known = {"topic": topic, "eventId": f"{topic}-known", "data": {"title": "before"}}
    east.publish(**known)
    await traveller.hears("dealUpdate")
    await regions.settled()

    east.control("faults", BUS_FAILS)
    try:
        east.vanish(await traveller.connection_id())
        began = time.monotonic()
        moved = await connect(west, token)
        await moved.subscribe(topic)
        west.publish(topic=topic, eventId=f"{topic}-new", data={"title": "meanwhile"})
        # The publisher is not sure of the one from before, and sends it again.
        west.publish(**known)
        assert (await moved.hears("dealUpdate"))["data"] == {"title": "meanwhile"}
        print(f"moved: {time.monotonic() - began:.1f} s")  # noqa: T201 - shown by `pytest -rP`

        async def one_waits():
            return await waiting_forwards(taking_over) == 1

        await wait_until(one_waits, WAITING_SECONDS)
    finally:
        east.control("faults", method="DELETE")

    async def nothing_waits():
        return await waiting_forwards(taking_over) == 0

    returned = time.monotonic()
    await wait_until(nothing_waits, RETURNED_SECONDS)
    await regions.settled()
    print(f"caught up: {time.monotonic() - returned:.1f} s")  # noqa: T201 - as above
    await taking_over.play(1)
    for person, titles in ((moved, ["meanwhile"]), (neighbour, ["before", "meanwhile"])):
        await person.ask("ping")
        assert [frame["data"]["title"] for frame in person.all_heard("dealUpdate")] == titles
        await person.leave()
