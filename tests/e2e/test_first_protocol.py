"""Clients of the first release: their frames and tokens as they were, and what they rely on in the answers.

Later releases may add fields to an answer; none may be missing, or differ.
"""

from __future__ import annotations

import json

import pytest

from local_cloud.client import Person
from tests.e2e.test_connecting import place_token

PLACEHOLDERS = {"<text>": str, "<number>": int}

EXCHANGES = [
    ('{"action":"ping"}', {"type": "pong", "data": {}}),
    (
        '{"action":"ping","data":{},"requestId":"r-1"}',
        {"type": "pong", "data": {}, "requestId": "r-1"},
    ),
    (
        '{"action":"subscribeToDeals"}',
        {
            "type": "subscriptionConfirmed",
            "data": {"topic": "all-deals", "filters": {}, "position": "<number>"},
        },
    ),
    (
        '{"action":"subscribeToDeals","data":{"filters":{"category":"electronics","minDiscount":20}}}',
        {
            "type": "subscriptionConfirmed",
            "data": {"topic": "all-deals", "filters": {"category": "electronics", "minDiscount": 20}},
        },
    ),
    (
        '{"action":"subscribeToDeals","data":{"topic":"<topic>","since":0},"requestId":"r-2"}',
        {
            "type": "subscriptionConfirmed",
            "data": {"topic": "<topic>", "filters": {}, "position": "<number>", "events": []},
            "requestId": "r-2",
        },
    ),
    (
        '{"action":"sendMessage","data":{"recipientId":"<user>","content":"hello","type":"text"}}',
        {
            "type": "messageSent",
            "data": {"messageId": "<text>", "recipientId": "<user>", "timestamp": "<number>"},
        },
    ),
    (
        '{"action":"getMessages","data":{"limit":1}}',
        {
            "type": "messages",
            "data": {"messages": [{"content": "hello", "senderId": "<user>", "type": "text"}]},
        },
    ),
    (
        '{"action":"getStatus","data":null}',
        {
            "type": "statusUpdate",
            "data": {
                "connectionId": "<text>",
                "userId": "<user>",
                "connectedSince": "<number>",
                "tokenExpiresAt": "<number>",
                "subscriptions": [
                    {"topic": "all-deals", "filters": {"category": "electronics", "minDiscount": 20}},
                    {"topic": "<topic>", "filters": {}},
                ],
                "unread": 1,
                "systemStatus": "operational",
            },
        },
    ),
    (
        '{"action":"refreshToken","data":{"token":"<token>"}}',
        {"type": "tokenRefreshed", "data": {"expiresAt": "<number>"}},
    ),
    (
        '{"action":"unsubscribeFromDeals","data":{"topic":"<topic>"}}',
        {"type": "unsubscriptionConfirmed", "data": {"topic": "<topic>"}},
    ),
    (
        '{"action":"unsubscribeFromDeals"}',
        {"type": "unsubscriptionConfirmed", "data": {"topic": "all-deals"}},
    ),
    ('{"action":"dance"}', {"type": "error", "data": {"code": "VALIDATION_ERROR"}}),
    ("not json", {"type": "error", "data": {"code": "VALIDATION_ERROR"}}),
]


def fill(value, names):
    """Replace the names in angle brackets by what they are in this run."""
    if isinstance(value, str):
        for name, text in names.items():
            value = value.replace(name, text)
        return value
    if isinstance(value, dict):
        return {key: fill(item, names) for key, item in value.items()}
    return [fill(item, names) for item in value] if isinstance(value, list) else value


def differences(expected, actual, path=""):
    """Where an answer does not hold what a client relies on."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        return [
            found
            for key in expected
            for found in (
                differences(expected[key], actual[key], f"{path}.{key}")
                if key in actual
                else [f"{path}.{key} is missing"]
            )
        ]
    if isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        return [
            found
            for index, item in enumerate(expected)
            for found in differences(item, actual[index], f"{path}[{index}]")
        ]
    if isinstance(expected, str) and (kind := PLACEHOLDERS.get(expected)):
        return [] if isinstance(actual, kind) else [f"{path} is {actual!r}"]
    return [] if expected == actual else [f"{path} is {actual!r}, not {expected!r}"]


@pytest.mark.parametrize("where", ["header", "subprotocol", "query"])
async def test_frames_of_the_first_protocol_are_answered_as_they_were(connects, user, topic, stack, where):
    suffix, options = place_token(stack.token(user), where)
    person = await Person.connect(stack.websocket_url + suffix, **options)
    names = {"<user>": user, "<topic>": topic, "<token>": stack.token(user, exp=4_000_000_000)}

    for text, expected in EXCHANGES:
        seen = len(person.heard)
        await person.say(fill(text, names))
        reply = await person.hears(lambda frame: frame["type"] != "messageReceived", after=seen)
        assert differences(fill(expected, names), reply) == [], text
        assert ("requestId" in reply) == ("requestId" in expected), text
        assert isinstance(reply["timestamp"], int)
    received = (await person.hears("messageReceived"))["data"]
    expected = {"messageId": "<text>", "senderId": user, "content": "hello", "type": "text"}
    assert differences({**expected, "timestamp": "<number>"}, received) == []
    await person.leave()


async def test_events_of_the_first_protocol_are_pushed_and_replayed_as_they_were(
    connects, user, topic, stack
):
    person = await connects(user)
    await person.say(json.dumps({"action": "subscribeToDeals", "data": {"topic": topic}}))
    await person.hears("subscriptionConfirmed")
    published = stack.invoke("broadcast", {"messageType": "dealUpdate", "topic": topic, "data": {"price": 9}})
    expected = {
        "type": "dealUpdate",
        "data": {"price": 9},
        "topic": topic,
        "eventId": published["eventId"],
        "position": published["position"],
        "timestamp": "<number>",
    }
    assert differences(expected, await person.hears("dealUpdate")) == []

    reply = await person.ask("subscribeToDeals", {"topic": topic, "since": published["position"] - 1})
    assert differences([expected], reply["data"]["events"]) == []

    stack.invoke(
        "broadcast",
        {"messageType": "notification", "recipients": [user], "data": {"title": "t", "message": "m"}},
    )
    notification = {"messageId": "<text>", "title": "t", "message": "m"}
    assert differences(notification, (await person.hears("notification"))["data"]) == []
