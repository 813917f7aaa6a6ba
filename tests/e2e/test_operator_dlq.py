"""`deals_ops dlq`: letters are looked at, sent again without publishing twice, and deleted; none is lost."""

from __future__ import annotations

import asyncio
import json
import time
import uuid

import pytest

from realtime_core.domain.model import DeliveryJob
from realtime_core.domain.planning import encode_job
from tests.e2e.documented_shapes import keys_of, shape


class Letters:
    """The dead letters, by the operator's command line."""

    def __init__(self, operator):
        self.does = operator.does

    async def find(self, queue, containing):
        """Those whose body contains a text, whole."""
        listed = (await self.does("dlq", "list", queue, "--limit", "1000", "--json")).data
        assert keys_of(listed) <= keys_of(shape("dlq list"))
        shown = [
            (await self.does("dlq", "show", queue, one["id"], "--json")).data for one in listed["letters"]
        ]
        return [one for one in shown if containing in one["body"]]

    async def arrived(self, queue, containing):
        """Wait for the one that contains a text."""
        for _ in range(20):
            if found := await self.find(queue, containing):
                return found[0]
            await asyncio.sleep(0.2)
        raise AssertionError(f"no letter with {containing} in {queue}")


@pytest.fixture
def letters(operator):
    return Letters(operator)


def job(stack, *connection_ids, published_at, event_id):
    payload = json.dumps({"type": "dealUpdate", "data": {"late": event_id}, "timestamp": 1})
    return encode_job(
        DeliveryJob(payload, connection_ids, "deal", event_id, int(published_at * 1000), attempt=9)
    )


async def test_a_refused_event_is_shown_with_its_reason_and_stays_when_redriven(letters, stack):
    marker = f"bad-{uuid.uuid4()}"
    stack.send("events", {"messageType": "dealUpdate", "data": {}, "colour": marker})
    letter = await letters.arrived("events", marker)
    assert keys_of(letter) - {".attributes.reason"} == keys_of(shape("dlq show")) - {".attributes.reason"}
    assert letter["reason"].startswith("colour: is not a known field")
    assert not letter["redrivable"]

    said = await letters.does("dlq", "redrive", "events", "--id", letter["id"], "--yes", "--json", code=1)
    assert keys_of(said.data) == keys_of(shape("dlq redrive"))
    assert (said.data["redriven"], said.data["kept"]) == (0, 1)
    assert "breaks the contract still: colour" in said.data["letters"][0]["why"]
    assert await letters.find("events", marker)

    said = await letters.does("dlq", "purge", "events", "--id", letter["id"], "--yes", "--json")
    assert keys_of(said.data) == keys_of(shape("dlq purge"))
    assert said.data["purged"] == 1
    assert await letters.find("events", marker) == []


async def test_an_event_that_failed_is_published_by_redriving_and_only_once(
    letters, connects, user, topic, stack
):
    person = await connects(user)
    await person.subscribe(topic)
    # As SQS moves it after the last attempt: the message as it was, without an eventId of its own.
    stack.send("events_dlq", {"messageType": "dealUpdate", "topic": topic, "data": {"title": "Lisbon"}})
    letter = await letters.arrived("events", topic)
    assert letter["eventId"] == letter["id"], "what the service would have called it"

    dry = await letters.does("dlq", "redrive", "events", "--id", letter["id"], "--dry-run", "--json")
    assert (dry.data["redriven"], dry.data["dryRun"]) == (1, True)
    assert await letters.find("events", topic)
    await person.ask("ping")
    assert not person.all_heard("dealUpdate")

    await letters.does("dlq", "redrive", "events", "--id", letter["id"], "--yes")
    frame = await person.hears("dealUpdate")
    assert (frame["data"], frame["eventId"]) == ({"title": "Lisbon"}, letter["id"])
    assert await letters.find("events", topic) == []
    # A redrive that was repeated because its answer was lost.
    again = stack.publish(topic=topic, data={"title": "Lisbon"}, eventId=letter["id"])
    assert again["position"] == frame["position"]
    await person.ask("ping")
    assert len(person.all_heard("dealUpdate")) == 1


async def test_an_invocation_that_failed_is_redriven_under_the_id_of_its_request(
    letters, connects, user, topic, stack
):
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
    letter = await letters.arrived("events", request)
    await letters.does("dlq", "redrive", "events", "--id", letter["id"], "--yes")
    frame = await person.hears("dealUpdate")
    assert (frame["data"], frame["eventId"]) == ({"price": 1}, request)


async def test_a_delivery_is_redriven_to_those_who_are_still_there(letters, connects, user, stack):
    person, event_id = await connects(user), f"e-{uuid.uuid4()}"
    connection = await person.connection_id()
    body = job(stack, connection, "AAAAAAAAAAAAAAA=", published_at=time.time(), event_id=event_id)
    stack.stack.client("sqs").send_message(
        QueueUrl=stack.outputs["queue_urls"]["deliveries_dlq"], MessageBody=body
    )
    letter = await letters.arrived("deliveries", event_id)
    assert letter["about"] == "deal for 2 connections"
    await letters.does("dlq", "redrive", "deliveries", "--id", letter["id"], "--yes")
    assert (await person.hears("dealUpdate"))["data"] == {"late": event_id}
    assert await letters.find("deliveries", event_id) == []


async def test_a_delivery_whose_connections_have_all_ended_stays(letters, stack):
    event_id = f"e-{uuid.uuid4()}"
    body = job(stack, "AAAAAAAAAAAAAAA=", published_at=time.time() - 7_300, event_id=event_id)
    stack.stack.client("sqs").send_message(
        QueueUrl=stack.outputs["queue_urls"]["deliveries_dlq"], MessageBody=body
    )
    letter = await letters.arrived("deliveries", event_id)
    said = await letters.does("dlq", "redrive", "deliveries", "--id", letter["id"], "--yes", "--json", code=1)
    assert "older than two hours" in said.data["letters"][0]["why"]
    await letters.does("dlq", "purge", "deliveries", "--id", letter["id"], "--yes")


async def test_purge_takes_only_what_is_old_enough_and_asks_first(letters, topic, stack):
    stack.send("events_dlq", {"messageType": "dealUpdate", "topic": topic, "data": {}})
    letter = await letters.arrived("events", topic)
    chosen = ["dlq", "purge", "events", "--id", letter["id"]]
    assert "repeat it with --yes" in (await letters.does(*chosen, code=6)).err
    said = await letters.does(*chosen, "--older-than", "1h", "--yes", "--json", code=1)
    assert (said.data["purged"], said.data["missing"]) == (0, [letter["id"]])
    assert await letters.find("events", topic)
    assert (await letters.does(*chosen, "--dry-run")).out.splitlines()[-1] == "would be purged: 1, kept: 0"
    assert await letters.find("events", topic)
    await letters.does(*chosen, "--yes")
    assert await letters.find("events", topic) == []


async def test_letters_that_were_looked_at_are_there_for_the_next_at_once(letters, topic, stack):
    for number in range(12):
        stack.send("events_dlq", {"messageType": "dealUpdate", "topic": topic, "data": {"number": number}})
    for _ in range(2):
        listed = (await letters.does("dlq", "list", "events", "--limit", "1000", "--json")).data["letters"]
        mine = [one["id"] for one in listed if one["about"] == f"dealUpdate for {topic}"]
        assert len(set(mine)) == 12
    said = await letters.does("dlq", "list", "events", "--limit", "5", "--json")
    assert (len(said.data["letters"]), said.data["more"]) == (5, True)
    chosen = [word for one in mine for word in ("--id", one)]
    assert (await letters.does("dlq", "purge", "events", *chosen, "--yes", "--json")).data["purged"] == 12
    assert "there is no letter" in (await letters.does("dlq", "show", "events", mine[0], code=3)).err
