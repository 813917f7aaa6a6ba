"""docs/adr/0026: two deployments that forward to each other serve one audience, each event once."""

from __future__ import annotations

import asyncio
import json
import os
import time
import uuid
from contextlib import AsyncExitStack

import pytest

from local_cloud.client import Person
from local_cloud.settings import find_port
from realtime_core.forwarding.base import Forward, encode_forward
from tests.e2e import rights
from tests.e2e.conftest import APPLY_SECONDS_MAX, REDIS_PORTS_BESIDE
from tests.e2e.drills import Drill
from tests.e2e.operator import Operator
from tests.e2e.regions import Regions, running_regions

BUS_FAILS = {"service": "events", "operation": "PutEvents", "status": 500}
WAITING_SECONDS = 30
RETURNED_SECONDS = 150
"""A forward is tried again 45 seconds after the attempt that failed."""
DEAL = {"messageType": "dealUpdate", "data": {"title": "Kettle", "price": 30}}

pytestmark = pytest.mark.timeout(APPLY_SECONDS_MAX)


@pytest.fixture(scope="module")
def regions():
    if os.environ.get("LOCALSTACK_ENDPOINT"):
        pytest.skip("the two deployments are on an embedded local cloud: unset LOCALSTACK_ENDPOINT")
    with running_regions(find_port() + 2 * REDIS_PORTS_BESIDE) as running:
        yield running
        rights.gather(running.east)  # of the cloud that both are on


async def connect(region, token):
    return await Person.connect(region.websocket_url, additional_headers={"Authorization": f"Bearer {token}"})


@pytest.fixture
async def both(regions, user):
    """A person in each Region, under one name and token."""
    async with AsyncExitStack() as people:
        connected = []
        for region in regions:
            person = await connect(region, regions.east.token(user))
            people.push_async_callback(person.leave)
            connected.append(person)
        yield connected


def published_as(region, event_id):
    """The events of a Region's history that have an id."""
    items = region.table("history").scan(ConsistentRead=True)["Items"]
    return [item for item in items if item["pk"].startswith("b#") and event_id in item.get("v", "")]


@pytest.mark.parametrize("source", Regions._fields)
@pytest.mark.parametrize("path", ["invoke", "queue"])
async def test_event_reaches_subscribers_of_both_regions_once_and_never_loops(
    regions, both, topic, source, path
):
    for person in both:
        await person.subscribe(topic, {"maxPrice": 50})
    event = {**DEAL, "topic": topic, "eventId": f"e-{uuid.uuid4()}"}
    origin = getattr(regions, source)

    if path == "invoke":
        origin.publish(**event)
    else:
        origin.send("events", event)
    frames = [await person.hears("dealUpdate") for person in both]
    await regions.settled()

    assert [(frame["eventId"], frame["data"]) for frame in frames] == [(event["eventId"], DEAL["data"])] * 2
    for person in both:
        await person.ask("ping")
        assert len(person.all_heard("dealUpdate")) == 1
    assert [len(published_as(region, event["eventId"])) for region in regions] == [1, 1]


async def test_private_event_is_private_in_the_other_region(regions, both, user, topic):
    private = f"private.{topic}"
    for person in both:
        await person.subscribe("all-deals", {"mark": user})
    token = regions.east.token(user, topics=[private])
    member = await Person.connect(
        regions.west.websocket_url, additional_headers={"Authorization": f"Bearer {token}"}
    )
    await member.subscribe(private)

    regions.east.publish(topic=private, data={"mark": user, "number": 1})
    await member.hears("dealUpdate")
    await regions.settled()
    regions.east.publish(topic=topic, data={"mark": user, "number": 2})
    for person in both:
        await person.hears("dealUpdate")
        assert [frame["data"]["number"] for frame in person.all_heard("dealUpdate")] == [2]
    await member.leave()


async def test_event_published_in_both_regions_under_one_id_is_one_event_in_each(regions, both, topic):
    """A publisher that is not sure of one Region sends the event to the other too."""
    for person in both:
        await person.subscribe(topic)
    event = {**DEAL, "topic": topic, "eventId": f"e-{uuid.uuid4()}"}

    for region in regions:
        region.publish(**event)
    await regions.settled()

    for person in both:
        await person.hears("dealUpdate")
        assert len(person.all_heard("dealUpdate")) == 1
    assert [len(published_as(region, event["eventId"])) for region in regions] == [1, 1]


async def test_notification_has_one_message_id_in_the_inboxes_of_both_regions(regions, both, user):
    notification = {"messageType": "alert", "recipients": [user], "data": {"title": "Sale"}}
    regions.west.invoke("broadcast", notification)

    frames = [await person.hears("notification") for person in both]
    await regions.settled()

    here, there = ([frame[name] for name in ("data", "eventId", "timestamp")] for frame in frames)
    assert here == there
    for person in both:
        [message] = (await person.ask("getMessages"))["data"]["messages"]
        assert message["messageId"] == frames[0]["data"]["messageId"]


async def test_bus_takes_nothing_but_forwarded_events(regions, both, topic):
    """What else is put on the bus of forwarded events matches no rule."""
    for person in both:
        await person.subscribe(topic)
    entry = {
        "Source": "shop",
        "DetailType": "DealPublished",
        "EventBusName": "deals-east-forwarded",
        "Detail": f'{{"messageType":"dealUpdate","topic":"{topic}","data":{{}}}}',
    }
    regions.east.stack.client("events").put_events(Entries=[entry])
    await regions.settled()

    for person in both:
        await person.ask("ping")
        assert not person.all_heard("dealUpdate")


@pytest.fixture
def east_operator(regions):
    operator = Operator(regions.east, "east-operator", ("full",), environment="east")
    yield operator
    operator.delete()


async def test_operator_sends_again_what_another_region_did_not_accept(regions, both, topic, east_operator):
    """As SQS keeps it after half a day: the message that `forwarder` could not bring to its bus."""
    for person in both:
        await person.subscribe(topic)
    event = {**DEAL, "topic": topic, "eventId": f"e-{uuid.uuid4()}"}
    wrapped = {
        "forwardedEvent": event,
        "acceptedAtMs": int(time.time() * 1000),
        "origin": "deals-east@us-east-1",
    }
    bus = regions.west.outputs["forwarded_events_bus_arn"]
    regions.east.stack.client("sqs").send_message(
        QueueUrl=regions.east.outputs["queue_urls"]["forwards_dlq"],
        MessageBody=encode_forward(Forward(bus, json.dumps(wrapped))),
    )

    status = (await east_operator.expect("status", "--json")).data
    assert {queue["queue"] for queue in status["queues"]} == set(regions.east.outputs["queue_urls"])
    assert "1 dead letters of forwards: see `dlq list forwards`" in status["problems"]
    [letter] = (await east_operator.expect("dlq", "list", "forwards", "--json")).data["letters"]
    assert (letter["eventId"], letter["redrivable"]) == (event["eventId"], True)
    assert letter["about"].startswith(f"dealUpdate for {topic}, to ")
    await east_operator.expect("dlq", "redrive", "forwards", "--yes")

    east, west = both
    assert (await west.hears("dealUpdate"))["eventId"] == event["eventId"]
    await regions.settled()
    await east.ask("ping")
    assert not east.all_heard("dealUpdate"), "it is for the other Region alone"
    assert (await east_operator.expect("dlq", "list", "forwards", "--json")).data["letters"] == []


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
    """docs/drills.md, played: what stands for the failure is that a Region's bus takes nothing, and that its
    connections end."""
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
