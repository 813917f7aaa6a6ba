"""`deals_ops dlq` lists dead letters, redrives them without publishing twice, and purges them."""

from __future__ import annotations

import asyncio
import json
import time
import uuid

import pytest

from realtime_core.push.base import DeliveryJob
from realtime_core.push.planning import encode_job
from tests.e2e.documented_shapes import documented_shape, key_paths


class DeadLetterCommands:
    """Finds dead letters with the operator's command line."""

    def __init__(self, operator):
        self.expect = operator.expect

    async def find(self, queue, containing):
        """Return the dead letters whose body contains a text, as `dlq show` prints them."""
        listed = (await self.expect("dlq", "list", queue, "--limit", "1000", "--json")).data
        assert key_paths(listed) <= key_paths(documented_shape("dlq list"))
        shown = [
            (await self.expect("dlq", "show", queue, item["id"], "--json")).data for item in listed["letters"]
        ]
        return [item for item in shown if containing in item["body"]]

    async def wait_for(self, queue, containing):
        """Wait for a dead letter that contains a text, and return it."""
        for _ in range(20):
            if dead_letters := await self.find(queue, containing):
                return dead_letters[0]
            await asyncio.sleep(0.2)
        raise AssertionError(f"no dead letter with {containing} in {queue}")


@pytest.fixture
def dlq(operator):
    return DeadLetterCommands(operator)


def encode_delivery(stack, *connection_ids, published_at, event_id):
    event = {"type": "dealUpdate", "topic": "late", "eventId": event_id, "position": 1, "timestamp": 1}
    payload = json.dumps({**event, "data": {"late": event_id}})
    return encode_job(
        DeliveryJob(payload, connection_ids, "deal", event_id, int(published_at * 1000), attempt=9)
    )


async def test_invalid_event_is_shown_with_its_reason_and_stays_after_a_redrive(dlq, stack):
    marker = f"bad-{uuid.uuid4()}"
    stack.send("events", {"messageType": "dealUpdate", "data": {}, "colour": marker})
    dead_letter = await dlq.wait_for("events", marker)
    assert key_paths(dead_letter) - {".attributes.reason"} == key_paths(documented_shape("dlq show")) - {
        ".attributes.reason"
    }
    assert dead_letter["reason"].startswith("colour: is not a known field")
    assert not dead_letter["redrivable"]

    result = await dlq.expect(
        "dlq", "redrive", "events", "--id", dead_letter["id"], "--yes", "--json", code=1
    )
    assert key_paths(result.data) == key_paths(documented_shape("dlq redrive"))
    assert (result.data["redriven"], result.data["kept"]) == (0, 1)
    assert "still breaks the contract: colour" in result.data["letters"][0]["why"]
    assert await dlq.find("events", marker)

    result = await dlq.expect("dlq", "purge", "events", "--id", dead_letter["id"], "--yes", "--json")
    assert key_paths(result.data) == key_paths(documented_shape("dlq purge"))
    assert result.data["purged"] == 1
    assert await dlq.find("events", marker) == []


async def test_redrive_publishes_a_failed_event_once(dlq, connects, user, topic, stack):
    person = await connects(user)
    await person.subscribe(topic)
    # As SQS moves it after the last attempt: the original message, without an eventId.
    stack.send("events_dlq", {"messageType": "dealUpdate", "topic": topic, "data": {"title": "Lisbon"}})
    dead_letter = await dlq.wait_for("events", topic)
    assert dead_letter["eventId"] == dead_letter["id"], "the id that the service would have assigned"

    dry = await dlq.expect("dlq", "redrive", "events", "--id", dead_letter["id"], "--dry-run", "--json")
    assert (dry.data["redriven"], dry.data["dryRun"]) == (1, True)
    assert await dlq.find("events", topic)
    await person.ask("ping")
    assert not person.all_heard("dealUpdate")

    await dlq.expect("dlq", "redrive", "events", "--id", dead_letter["id"], "--yes")
    frame = await person.hears("dealUpdate")
    assert (frame["data"], frame["eventId"]) == ({"title": "Lisbon"}, dead_letter["id"])
    assert await dlq.find("events", topic) == []

    # A redrive that is repeated because its response was lost.
    again = stack.publish(topic=topic, data={"title": "Lisbon"}, eventId=dead_letter["id"])
    assert again["position"] == frame["position"]
    await person.ask("ping")
    assert len(person.all_heard("dealUpdate")) == 1


async def test_redrive_of_a_failed_invocation_uses_its_request_id(dlq, connects, user, topic, stack):
    person = await connects(user)
    await person.subscribe(topic)
    request = str(uuid.uuid4())
    stack.send(
        "events_dlq",
        {
            "version": "1.0",
            "requestContext": {"requestId": request, "condition": "RetriesExhausted"},
            "requestPayload": {"messageType": "dealUpdate", "topic": topic, "data": {"price": 1}},
        },
    )
    dead_letter = await dlq.wait_for("events", request)
    await dlq.expect("dlq", "redrive", "events", "--id", dead_letter["id"], "--yes")
    frame = await person.hears("dealUpdate")
    assert (frame["data"], frame["eventId"]) == ({"price": 1}, request)


async def test_redrive_of_a_delivery_reaches_the_open_connections(dlq, connects, user, stack):
    person, event_id = await connects(user), f"e-{uuid.uuid4()}"
    connection = await person.connection_id()
    body = encode_delivery(stack, connection, "AAAAAAAAAAAAAAA=", published_at=time.time(), event_id=event_id)
    stack.stack.client("sqs").send_message(
        QueueUrl=stack.outputs["queue_urls"]["deliveries_dlq"], MessageBody=body
    )
    dead_letter = await dlq.wait_for("deliveries", event_id)
    assert dead_letter["about"] == "deal for 2 connections"
    await dlq.expect("dlq", "redrive", "deliveries", "--id", dead_letter["id"], "--yes")
    assert (await person.hears("dealUpdate"))["data"] == {"late": event_id}
    assert await dlq.find("deliveries", event_id) == []


async def test_redrive_of_a_delivery_older_than_its_connections_keeps_it(dlq, stack):
    event_id = f"e-{uuid.uuid4()}"
    body = encode_delivery(stack, "AAAAAAAAAAAAAAA=", published_at=time.time() - 7_300, event_id=event_id)
    stack.stack.client("sqs").send_message(
        QueueUrl=stack.outputs["queue_urls"]["deliveries_dlq"], MessageBody=body
    )
    dead_letter = await dlq.wait_for("deliveries", event_id)
    result = await dlq.expect(
        "dlq", "redrive", "deliveries", "--id", dead_letter["id"], "--yes", "--json", code=1
    )
    assert "older than two hours" in result.data["letters"][0]["why"]
    await dlq.expect("dlq", "purge", "deliveries", "--id", dead_letter["id"], "--yes")


async def test_purge_deletes_only_old_letters_and_only_after_confirmation(dlq, topic, stack):
    stack.send("events_dlq", {"messageType": "dealUpdate", "topic": topic, "data": {}})
    dead_letter = await dlq.wait_for("events", topic)
    purge = ["dlq", "purge", "events", "--id", dead_letter["id"]]
    assert "repeat the command with --yes" in (await dlq.expect(*purge, code=6)).err
    result = await dlq.expect(*purge, "--older-than", "1h", "--yes", "--json", code=1)
    assert (result.data["purged"], result.data["missing"]) == (0, [dead_letter["id"]])
    assert await dlq.find("events", topic)
    assert (await dlq.expect(*purge, "--dry-run")).out.splitlines()[-1] == "would be purged: 1, kept: 0"
    assert await dlq.find("events", topic)
    await dlq.expect(*purge, "--yes")
    assert await dlq.find("events", topic) == []


async def test_listed_dead_letters_are_visible_again_at_once(dlq, topic, stack):
    for number in range(12):
        stack.send("events_dlq", {"messageType": "dealUpdate", "topic": topic, "data": {"number": number}})
    for _ in range(2):
        listed = (await dlq.expect("dlq", "list", "events", "--limit", "1000", "--json")).data["letters"]
        ids = [item["id"] for item in listed if item["about"] == f"dealUpdate for {topic}"]
        assert len(set(ids)) == 12
    result = await dlq.expect("dlq", "list", "events", "--limit", "5", "--json")
    assert (len(result.data["letters"]), result.data["more"]) == (5, True)
    selection = [word for item_id in ids for word in ("--id", item_id)]
    assert (await dlq.expect("dlq", "purge", "events", *selection, "--yes", "--json")).data["purged"] == 12
    assert "there is no dead letter" in (await dlq.expect("dlq", "show", "events", ids[0], code=3)).err
