"""A kept cloud is restored on other ports, beside the one that it is a copy of: nothing is applied."""

from __future__ import annotations

import json

from local_cloud.client import Person
from local_cloud.stack import running_stack
from tests.e2e.test_terraform import NEVER_SETTLED

MOVED_BY = 40
"""To ports that no other stack of these tests has."""


async def test_kept_cloud_serves_on_other_ports_and_a_plan_finds_nothing_to_change(redis_stack):
    port = int(redis_stack.stack.endpoint.rpartition(":")[2]) + MOVED_BY
    steps = []

    with running_stack(steps.append, port=port, redis=True) as moved:
        assert steps == [], "it was applied again"
        assert moved.redis.port != redis_stack.stack.redis.port
        changes = moved.terraform.changes()
        assert [address for address in changes if not NEVER_SETTLED.fullmatch(address)] == []

        headers = {"Authorization": f"Bearer {moved.token('ann')}"}
        person = await Person.connect(moved.websocket_url, additional_headers=headers)
        await person.subscribe("travel.flights")
        event = {"messageType": "dealUpdate", "topic": "travel.flights", "data": {"title": "Lisbon"}}
        function = moved.outputs["function_arns"]["broadcast"]
        moved.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event).encode())
        assert (await person.hears("dealUpdate"))["data"]["title"] == "Lisbon"
        await person.leave()
