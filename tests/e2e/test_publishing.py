"""Protocol, "Publishing" and "Topics and filters": who receives an event, by every publish path."""

from __future__ import annotations

import asyncio
import json
import uuid

import pytest

from tests.e2e import carriers

DEAL = {"title": "Espresso machine", "category": "home", "price": 599, "discountPercentage": 20}


async def test_event_reaches_only_subscribers_whose_filter_matches(connects, user, topic, stack):
    cheap, picky, other = [await connects(f"{user}-{name}") for name in ("cheap", "picky", "other")]
    await cheap.subscribe(topic, {"maxPrice": 700})
    await picky.subscribe(topic, {"maxPrice": 700, "minDiscount": 30})
    await other.subscribe(f"{topic}.other")
    response = stack.publish(topic=topic, data=DEAL)
    assert (response["broadcast"], response["delivered"], response["total"]) == ("success", 1, 1)

    frame = await cheap.hears("dealUpdate")
    assert frame["data"] == DEAL
    assert (frame["topic"], frame["eventId"]) == (topic, response["eventId"])
    await asyncio.gather(picky.ask("ping"), other.ask("ping"))
    assert not picky.all_heard("dealUpdate")
    assert not other.all_heard("dealUpdate")


async def test_subscriber_to_all_deals_and_the_topic_receives_an_event_once(connects, user, topic, stack):
    person = await connects(user)
    await person.subscribe(topic, {"price": {"gt": 1}})
    await person.subscribe("all-deals")
    assert stack.publish(topic=topic, data=DEAL, messageType="flashSale")["total"] >= 1
    await person.hears(lambda frame: frame.get("topic") == topic)
    await asyncio.sleep(0.5)
    frames = [frame for frame in person.all_heard("flashSale") if frame["topic"] == topic]
    assert len(frames) == 1


async def test_publishers_filters_take_precedence_over_the_data(connects, user, topic, stack):
    person = await connects(user)
    await person.subscribe(topic, {"category": "kitchen"})
    assert stack.publish(topic=topic, data=DEAL)["total"] == 0
    assert stack.publish(topic=topic, data=DEAL, filters={"category": "kitchen"})["total"] == 1


@pytest.mark.parametrize(
    "path", ["async-invoke", "queue", "queue-sns-envelope", "queue-eventbridge-envelope"]
)
async def test_event_arrives_by_every_asynchronous_path(connects, user, topic, stack, path):
    person = await connects(user)
    await person.subscribe(topic)
    event = {"messageType": "dealUpdate", "topic": topic, "data": DEAL, "eventId": f"e-{uuid.uuid4()}"}
    if path == "async-invoke":
        stack.invoke_async("broadcast", event)
    else:
        body = {
            "queue": event,
            "queue-sns-envelope": {"Type": "Notification", "MessageId": "1", "Message": json.dumps(event)},
            "queue-eventbridge-envelope": {
                "version": "0",
                "detail-type": "deal",
                "source": "x",
                "detail": event,
            },
        }[path]
        stack.send("events", body)

    frame = await person.hears("dealUpdate")
    assert (frame["data"], frame["eventId"]) == (DEAL, event["eventId"])


@pytest.mark.parametrize("carrier", [carriers.sns, carriers.eventbridge])
async def test_envelope_that_its_carrier_delivers_twice_is_one_event(connects, user, topic, stack, carrier):
    person = await connects(user)
    await person.subscribe(topic)
    event = {"messageType": "dealUpdate", "topic": topic, "data": DEAL}

    with carrier(stack) as way:
        carrier_id = way.publish(event)
        frame = await person.hears("dealUpdate")
        assert (frame["data"], frame["eventId"]) == (DEAL, carrier_id)
        stack.send("events", way.envelope(event, carrier_id))
        await stack.emptied("events")

    await person.ask("ping")
    assert len(person.all_heard("dealUpdate")) == 1


async def test_large_audience_is_reached_through_the_queue_once_each(connects, user, topic, stack):
    people = await asyncio.gather(*(connects(f"{user}-{number}") for number in range(14)))
    await asyncio.gather(*(person.subscribe(topic, {"price": {"lte": 600}}) for person in people))
    response = stack.publish(topic=topic, data=DEAL)
    assert (response["delivered"], response["queued"], response["total"]) == (0, 14, 14)
    await asyncio.gather(*(person.hears("dealUpdate") for person in people))
    await asyncio.sleep(0.5)
    assert [len(person.all_heard("dealUpdate")) for person in people] == [1] * 14


async def test_notification_is_stored_for_every_recipient_and_pushed_to_connected_ones(connects, user, stack):
    here = await connects(f"{user}-here")
    response = stack.invoke(
        "broadcast",
        {
            "messageType": "notification",
            "recipients": [f"{user}-here", f"{user}-away"],
            "data": {"title": "Price drop", "message": "The desk is 30 % off"},
        },
    )
    assert response["total"] == 1

    frame = await here.hears("notification")
    assert frame["data"]["title"] == "Price drop"
    away = await connects(f"{user}-away")
    waiting = (await away.ask("getMessages"))["data"]["messages"]
    assert len(waiting) == 1
    acked = await away.ask("notificationAck", {"messageId": waiting[0]["messageId"]})
    assert acked["type"] == "notificationAcked"


@pytest.mark.parametrize(
    ("event", "field"),
    [
        pytest.param({"data": {}}, "messageType", id="type-missing"),
        pytest.param({"messageType": "dealUpdate"}, "data", id="data-missing"),
        pytest.param({"messageType": "dealUpdate", "data": []}, "data", id="data-not-an-object"),
        pytest.param({"messageType": "dealUpdate", "data": {}, "colour": 1}, "colour", id="unknown-field"),
        pytest.param(
            {"messageType": "dealUpdate", "data": {}, "topic": "A B"}, "topic", id="topic-malformed"
        ),
        pytest.param({"messageType": "dealUpdate", "data": {"x": "y" * 140_000}}, "data", id="too-large"),
        pytest.param(
            {"messageType": "x", "data": {}, "filters": {"x": "y" * 500_000}},
            "filters",
            id="filters-too-large",
        ),
        pytest.param({"messageType": "x", "data": {"n": 10**30}}, "data.n", id="beyond-64-bits"),
        pytest.param({"messageType": "n", "data": {}, "recipients": []}, "recipients", id="nobody"),
        pytest.param(
            {"messageType": "n", "data": {}, "recipients": ["a"], "topic": "b"}, "recipients", id="both"
        ),
        pytest.param({"Records": ["no batch"]}, "Records", id="no-batch"),
        pytest.param({"Records": [{"eventSource": "aws:sqs"}]}, "Records", id="no-batch-of-messages"),
    ],
)
async def test_invalid_event_is_400_with_the_field_and_reaches_nobody(connects, user, stack, event, field):
    person = await connects(user)
    await person.subscribe("all-deals")
    response = stack.invoke_raw("broadcast", event)
    assert response["statusCode"] == 400
    assert field in response["body"]
    await person.ask("ping")
    assert {frame["type"] for frame in person.heard} == {"subscriptionConfirmed", "pong"}


@pytest.mark.parametrize("path", ["async-invoke", "queue"])
async def test_invalid_asynchronous_event_becomes_a_dead_letter_with_the_reason(stack, path):
    marker = f"bad-{uuid.uuid4()}"
    event = {"messageType": "dealUpdate", "data": {}, "unknownField": marker}
    if path == "async-invoke":
        stack.invoke_async("broadcast", event)
    else:
        stack.send("events", event)
    dead_letter = await stack.dead_letter("events_dlq", containing=marker)
    assert "unknownField" in dead_letter["MessageAttributes"]["reason"]["StringValue"]


@pytest.mark.parametrize("way", ["invoke", "asynchronous-invoke", "queue"])
async def test_several_events_of_one_call_reach_their_subscribers_in_one_frame(
    connects, user, topic, stack, way
):
    person = await connects(user)
    await person.subscribe(topic)
    deals = [
        {
            "messageType": "dealUpdate",
            "topic": topic,
            "data": {**DEAL, "n": number},
            "eventId": f"{topic}-{number}",
        }
        for number in range(5)
    ]
    bad = {"messageType": "dealUpdate", "topic": "No Topic", "data": {"marker": f"{topic}-bad"}}
    envelope = {"events": [*deals[:2], bad, *deals[2:]]}

    if way == "invoke":
        answer = stack.invoke("broadcast", envelope)
        assert answer["broadcast"] == "success"
        results = answer["results"]
        assert [result["broadcast"] for result in results] == ["success"] * 2 + ["rejected"] + ["success"] * 3
        assert [result["delivered"] for result in results if "delivered" in result] == [1] * 5
        assert stack.invoke("broadcast", {"events": deals})["results"] == [
            result for result in results if result["broadcast"] == "success"
        ]
    elif way == "asynchronous-invoke":
        stack.invoke_async("broadcast", envelope)
    else:
        stack.send("events", envelope)

    await person.hears(lambda frame: frame.get("eventId") == f"{topic}-4")
    await stack.dead_letter("events_dlq", containing=f"{topic}-bad")
    await person.ask("ping")
    heard = person.all_heard("dealUpdate")
    assert [frame["eventId"] for frame in heard] == [deal["eventId"] for deal in deals]
    assert [frame["position"] for frame in heard] == [heard[0]["position"] + number for number in range(5)]
    assert len({frame["_at"] for frame in heard}) == 1, "one `batch` frame, which the client takes apart"


async def test_events_without_ids_of_a_message_are_published_once_each_however_often_it_comes(
    connects, user, topic, stack
):
    person = await connects(user)
    await person.subscribe(topic)
    events = [{"messageType": "dealUpdate", "topic": topic, "data": {"n": number}} for number in range(3)]
    sns_id = str(uuid.uuid4())
    sns = {"Type": "Notification", "MessageId": sns_id, "Message": json.dumps({"events": events})}
    for _ in range(2):
        stack.send("events", sns)
        await stack.emptied("events")

    await person.hears(lambda frame: frame.get("eventId") == f"{sns_id}.2")
    await person.ask("ping")
    heard = [frame["eventId"] for frame in person.all_heard("dealUpdate")]
    assert heard == [f"{sns_id}.{number}" for number in range(3)]
