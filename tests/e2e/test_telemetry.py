"""Logs that follow an event or a request by one id, and metrics in CloudWatch as the catalog lists them."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
from websockets.exceptions import InvalidStatus

from local_cloud.client import WAIT_SECONDS
from realtime_core.telemetry.metric_catalog import NAMESPACE, rows
from tests.e2e.logs import Logs

DIRECT_AUDIENCE_MAX = 10  # of the local environment


@pytest.fixture
def logs(stack):
    return Logs(stack)


async def test_event_id_is_in_the_logs_on_both_sides_of_the_queue(stack, connects, user, topic, logs):
    people = [await connects(f"{user}-{number}") for number in range(DIRECT_AUDIENCE_MAX + 2)]
    for person in people:
        await person.subscribe(topic)
    event_id = f"{user}-event"

    response = await asyncio.to_thread(stack.publish, topic=topic, data={"title": "desk"}, eventId=event_id)

    assert response["queued"] == len(people)
    for person in people:
        await person.hears("dealUpdate")
    published = await logs.wait_for_line("broadcast", "published", event_id)
    posted = await logs.wait_for_line("delivery", "posted", event_id)
    assert published["correlationId"] == posted["correlationId"] == event_id
    assert posted["delivered"] == len(people)
    matched = await logs.wait_for_line("broadcast", "matched", event_id)
    assert (matched["level"], matched["sampled"]) == ("DEBUG", True)


async def test_request_id_is_in_the_logs_on_both_sides_of_the_queue(stack, connects, user, logs):
    ann, ben = await connects(f"{user}-ann"), await connects(f"{user}-ben")
    connection_id = await ann.connection_id()
    fault = {"service": "execute-api", "operation": "PostToConnection", "status": 503}
    stack.control("faults", fault)
    try:
        message = {"recipientId": f"{user}-ben", "content": "hello"}
        sent = await ann.ask("sendMessage", message, requestId="my-request-7")
    finally:
        stack.control("faults", method="DELETE")
    assert sent["type"] == "messageSent"
    await ben.hears("messageReceived", within=60)

    answered = await logs.wait_for_line("message_router", "answered", "my-request-7")
    assert answered["clientRequestId"] == "my-request-7"
    assert (answered["connectionId"], answered["userId"]) == (connection_id, f"{user}-ann")
    posted = await logs.wait_for_line("delivery", "posted", sent["data"]["messageId"])
    assert posted["correlationId"] == answered["correlationId"]


async def test_logs_hold_no_payload_and_no_token(stack, connects, user, topic, logs):
    """At the most detailed level of logging, for requests that succeed and requests that fail."""
    mark = f"private-{time.monotonic_ns()}"
    token = stack.token(user)
    ann, ben = await connects(user), await connects(f"{user}-ben")
    connection_id = await ann.connection_id()
    await ann.subscribe(topic)
    await ann.ask("sendMessage", {"recipientId": f"{user}-ben", "content": mark})
    await ben.hears("messageReceived")
    await ben.ask("getMessages")

    stack.publish(topic=topic, data={"title": mark})
    stack.publish(recipients=[user], data={"title": "t", "message": mark})
    stack.send("events", {"messageType": "dealUpdate", "topic": topic, "data": {"title": mark}})
    stack.invoke_raw("broadcast", {"messageType": "dealUpdate", "data": mark, "topic": "No Such"})

    await ann.ask("refreshToken", {"token": token})
    await ann.ask("refreshToken", {"token": f"{mark}.{mark}.{mark}"})
    await ann.ask("sendMessage", {"recipientId": "x y", "content": mark})
    await ann.say(f"no json {mark}")
    await ann.say(json.dumps({"action": mark, "data": {"content": mark}}))
    await ann.ask("ping", requestId="eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmVk")
    with pytest.raises(InvalidStatus):
        await type(ann).connect(f"{stack.websocket_url}?token={token}x")

    await ann.leave()
    await logs.wait_for_line("connection_handler", "disconnected", connection_id)

    seen = 0
    for group in logs.groups:
        for line in logs.read_lines(group):
            seen += connection_id in line
            for secret in (mark, token, token.split(".")[2], stack.stack.jwt_secret, "eyJ"):
                assert secret not in line, f"{group}: {line}"
    assert seen > 10, "the log lines read are not those of this test"


async def test_metrics_are_in_cloudwatch_as_the_catalog_lists_them(stack, connects, user, topic):
    person = await connects(user)
    await person.subscribe(topic)
    await person.ask("subscribeToDeals", {"topic": topic, "since": 0})
    await person.ask("notificationAck", {"messageId": "none"})
    await person.ask("refreshToken", {"token": "rubbish"})
    stack.publish(topic=topic, data={"title": "desk"})
    await person.hears("dealUpdate")
    stack.send("events", {"messageType": "dealUpdate", "topic": topic, "data": {}})
    await person.hears(lambda frame: frame.get("data") == {} and frame["type"] == "dealUpdate")
    await person.leave()
    await asyncio.to_thread(stack.invoke_raw, "janitor", {})

    expected = {
        ("MessageCount",), ("MessageCount", "subscribeToDeals"), ("ErrorRate",), ("ErrorRate", "NOT_FOUND"),
        ("MessageLatency", "reply"), ("MessageLatency", "push"), ("TokenFailures", "malformed"), ("Resumes",),
        ("EventsPublished",), ("DeliveriesDelivered",), ("QueueAge", "events"), ("ConnectionDuration",),
        ("ConnectionCount",), ("UpkeepLag",), ("ColdStarts", "deals-local-message_router"),
    }  # fmt: skip
    sets = {metric.name: {frozenset(names) for names in metric.dimensions} for metric in rows()}
    paginator = stack.stack.client("cloudwatch").get_paginator("list_metrics")
    deadline, published = time.monotonic() + WAIT_SECONDS, set()
    while not expected <= published and time.monotonic() < deadline:
        await asyncio.sleep(0.5)
        for page in paginator.paginate(Namespace=NAMESPACE):
            for metric in page["Metrics"]:
                dimensions = {dimension["Name"]: dimension["Value"] for dimension in metric["Dimensions"]}
                assert frozenset(dimensions) in sets[metric["MetricName"]], metric
                assert dimensions.pop("Service") == "deals-local", metric
                published.add((metric["MetricName"], *dimensions.values()))
    assert not expected - published
