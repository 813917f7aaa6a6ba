"""Protocol, "Resume" and "Publishing": an event with `expiresAt` is news up to that second, and no longer."""

from __future__ import annotations

import asyncio
import json
import time
import uuid

import pytest

from realtime_core.push.base import DeliveryJob
from realtime_core.push.planning import encode_job
from tests.e2e.test_resume import resume, titles

ENDED = 1_700_000_000


def soon(seconds: int = 2) -> int:
    return int(time.time()) + seconds


async def after(second: int) -> None:
    """Wait until a second of the clock is over."""
    await asyncio.sleep(max(0.0, second + 1.05 - time.time()))


async def test_event_frame_has_what_it_was_matched_by_and_its_end_live_and_replayed(
    connects, user, topic, stack
):
    person = await connects(user)
    start = (await person.subscribe(topic, {"brand": "x"}))["data"]["position"]
    end = soon(600)
    stack.publish(topic=topic, data={"title": "t"}, filters={"brand": "x", "rank": 1.5}, expiresAt=end)
    live = await person.hears("dealUpdate")
    assert (live["filters"], live["expiresAt"]) == ({"brand": "x", "rank": 1.5}, end)
    [replayed] = (await resume(person, topic, start, {"brand": "x"}))["data"]["events"]
    assert replayed == {name: value for name, value in live.items() if not name.startswith("_")}


@pytest.mark.parametrize("way", ["invoke", "asynchronous-invoke", "queue", "sns", "eventbridge", "envelope"])
async def test_event_that_has_ended_reaches_nobody_by_any_way(connects, user, topic, stack, way):
    person = await connects(user)
    await person.subscribe(topic)
    ended = {"messageType": "dealUpdate", "topic": topic, "data": {"title": "ended"}, "expiresAt": ENDED}
    last = {"messageType": "dealUpdate", "topic": topic, "data": {"title": "last"}, "expiresAt": soon(600)}
    for event in (ended, last):
        match way:
            case "invoke":
                assert stack.invoke("broadcast", event)["total"] == (1 if event is last else 0)
            case "asynchronous-invoke":
                stack.invoke_async("broadcast", event)
            case "queue":
                stack.send("events", event)
            case "envelope":
                stack.send("events", {"events": [event]})
            case "sns":
                stack.send(
                    "events",
                    {"Type": "Notification", "MessageId": str(uuid.uuid4()), "Message": json.dumps(event)},
                )
            case "eventbridge":
                stack.send("events", {"id": str(uuid.uuid4()), "detail-type": "deal", "detail": event})
        await stack.emptied("events")
    assert (await person.hears("dealUpdate"))["data"]["title"] == "last"
    await person.ask("ping")
    assert [frame["data"]["title"] for frame in person.all_heard("dealUpdate")] == ["last"]


async def test_event_that_ended_while_it_was_queued_is_not_posted(connects, user, topic, stack):
    person = await connects(user)
    connection = await person.connection_id()
    for title, end in (("ended", ENDED), ("lasting", soon(600))):
        event = {"type": "dealUpdate", "topic": topic, "eventId": title, "position": 1, "timestamp": 1}
        frame = json.dumps({**event, "data": {"title": title}})
        job = DeliveryJob(frame, (connection,), "deal", title, 0, frames_end=(end,))
        stack.stack.client("sqs").send_message(
            QueueUrl=stack.outputs["queue_urls"]["deliveries"], MessageBody=encode_job(job)
        )
        await stack.emptied("deliveries")
    assert (await person.hears("dealUpdate"))["data"]["title"] == "lasting"
    assert len(person.all_heard("dealUpdate")) == 1


async def test_event_that_has_ended_is_not_replayed_but_keeps_its_place(connects, user, topic, stack):
    person = await connects(user)
    await person.subscribe(topic)
    end = soon()
    brief = stack.publish(topic=topic, data={"title": "brief"}, expiresAt=end)["position"]
    await person.hears("dealUpdate")
    lasting = stack.publish(topic=topic, data={"title": "lasting"})["position"]
    assert titles(await resume(person, topic, brief - 1)) == ["brief", "lasting"]

    await after(end)
    reply = await resume(person, topic, brief - 1)
    assert (titles(reply), reply["data"]["recovered"]) == (["lasting"], True)
    reply = await resume(person, topic, brief)
    assert (titles(reply), reply["data"]["recovered"]) == (["lasting"], True)
    assert reply["data"]["position"] == lasting


async def test_notification_leaves_the_inbox_when_it_ends(connects, user, stack):
    person = await connects(user)
    end = soon()
    event = {"messageType": "notification", "recipients": [user], "data": {"title": "ends at noon"}}
    assert stack.invoke("broadcast", {**event, "expiresAt": ENDED})["total"] == 0
    assert stack.invoke("broadcast", {**event, "expiresAt": end})["total"] == 1
    pushed = await person.hears("notification")
    assert pushed["expiresAt"] == end
    assert len((await person.ask("getMessages"))["data"]["messages"]) == 1

    await after(end)
    assert (await person.ask("getMessages"))["data"]["messages"] == []
    late = await person.ask("notificationAck", {"messageId": pushed["data"]["messageId"]})
    assert late["data"]["code"] == "NOT_FOUND"


@pytest.mark.parametrize("end", [7200, 1_795_382_480_000, "tomorrow", True])
async def test_end_that_is_no_time_in_epoch_seconds_is_refused(topic, stack, end):
    event = {"messageType": "dealUpdate", "topic": topic, "data": {}, "expiresAt": end}
    response = stack.invoke_raw("broadcast", event)
    assert response["statusCode"] == 400
    assert json.loads(response["body"])["errors"][0]["field"] == "expiresAt"


async def test_operator_publishes_an_event_that_ends(operator, connects, user, topic):
    person = await connects(user)
    await person.subscribe(topic)
    await operator.expect("publish", topic, "--data", '{"title": "two hours"}', "--expires-in", "2h")
    frame = await person.hears("dealUpdate")
    assert 7190 <= frame["expiresAt"] - time.time() <= 7200
