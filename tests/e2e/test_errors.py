"""Protocol, "Errors": each code that a client can get; the connection stays usable after it."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from realtime_core.auth.tokens import LEEWAY_SECONDS

VALIDATION = {
    "not-json": ("not json", None),
    "empty": ("", None),
    "not-an-object": ("[1]", None),
    "action-missing": ('{"data":{}}', "action"),
    "action-not-a-string": ('{"action":7}', "action"),
    "action-unknown": ('{"action":"dance"}', "action"),
    "data-not-an-object": ('{"action":"ping","data":[]}', "data"),
    "request-id-empty": ('{"action":"ping","requestId":""}', "requestId"),
    "request-id-number": ('{"action":"ping","requestId":5}', "requestId"),
    "unknown-field": ('{"action":"ping","data":{"loud":true}}', "loud"),
    "topic-malformed": ('{"action":"subscribeToDeals","data":{"topic":"No Such"}}', "topic"),
    "filters-not-an-object": ('{"action":"subscribeToDeals","data":{"filters":[]}}', "filters"),
    "condition": ('{"action":"subscribeToDeals","data":{"filters":{"a":{"around":3}}}}', "data.filters.a"),
    "infinity": ('{"action":"subscribeToDeals","data":{"filters":{"a":1e999}}}', "data.filters.a"),
    "since-too-large": ('{"action":"subscribeToDeals","data":{"since":9223372036854775808}}', "data.since"),
    "half-a-surrogate": (
        r'{"action":"sendMessage","data":{"recipientId":"b","content":"\ud83d"}}', "data.content"
    ),
    "far-too-deep": ("[" * 5000 + "]" * 5000, "body"),
    "a-route-of-the-gateways-own": ('{"action":"$disconnect"}', "action"),
    "recipient-missing": ('{"action":"sendMessage","data":{"content":"hi"}}', "recipientId"),
    "content-missing": ('{"action":"sendMessage","data":{"recipientId":"bob"}}', "content"),
    "recipient": ('{"action":"sendMessage","data":{"recipientId":"b ob","content":"hi"}}', "recipientId"),
    "content-number": ('{"action":"sendMessage","data":{"recipientId":"bob","content":5}}', "content"),
    "limit-zero": ('{"action":"getMessages","data":{"limit":0}}', "limit"),
    "limit-too-high": ('{"action":"getMessages","data":{"limit":101}}', "limit"),
    "limit-boolean": ('{"action":"getMessages","data":{"limit":true}}', "limit"),
    "message-id-missing": ('{"action":"notificationAck","data":{}}', "messageId"),
    "ack-type": ('{"action":"notificationAck","data":{"messageId":"m","type":"sent"}}', "type"),
    "token-missing": ('{"action":"refreshToken"}', "token"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "field"), VALIDATION.values(), ids=VALIDATION)
async def test_malformed_frame_gets_a_validation_error_that_names_the_field(connects, user, text, field):
    person = await connects(user)
    await person.say(text)
    error = await person.hears("error")
    assert error["data"]["code"] == "VALIDATION_ERROR"
    if field:
        assert any(field in detail["field"] for detail in error["data"]["details"]), error
    assert all(detail["problem"] for detail in error["data"]["details"])
    assert (await person.ask("getStatus"))["type"] == "statusUpdate"


async def test_number_beyond_64_bits_gets_an_error_with_the_request_id(connects, user):
    person = await connects(user)
    reply = await person.ask("subscribeToDeals", {"since": 2**63})
    assert [detail["field"] for detail in reply["data"]["details"]] == ["data.since"]


async def test_several_invalid_fields_are_named_in_one_error(connects, user):
    person = await connects(user)
    reply = await person.ask("sendMessage", {"recipientId": 5, "volume": 11})
    named = " ".join(detail["field"] for detail in reply["data"]["details"])
    assert all(field in named for field in ("recipientId", "content", "volume"))


async def test_expired_token_is_refused_on_every_action_until_refreshed(connects, user, stack):
    # Within the leeway it still acts, as it still connects.
    person = await connects(user, exp=int(time.time()) + 3 - LEEWAY_SECONDS)
    assert (await person.ask("getStatus"))["type"] == "statusUpdate"
    await asyncio.sleep(3.5)
    for action, data in (
        ("getStatus", None),
        ("subscribeToDeals", {}),
        ("sendMessage", {"recipientId": "bob", "content": "hi"}),
        ("getMessages", {}),
        ("notificationAck", {"messageId": "m"}),
        ("unsubscribeFromDeals", {}),
    ):
        reply = await person.ask(action, data)
        assert (reply["type"], reply["data"]["code"]) == ("error", "AUTHENTICATION_ERROR"), action
    renewed = await person.ask("refreshToken", {"token": stack.token(user)})
    assert renewed["type"] == "tokenRefreshed"
    assert (await person.ask("getStatus"))["type"] == "statusUpdate"


@pytest.mark.parametrize("whose", ["other-user", "malformed", "expired"])
async def test_refresh_with_an_invalid_token_is_refused(connects, user, stack, whose):
    person = await connects(user)
    before = (await person.ask("getStatus"))["data"]["tokenExpiresAt"]
    token = {
        "other-user": stack.token(f"{user}-other", exp=int(time.time()) + 9000),
        "malformed": "not.a.jwt",
        "expired": stack.token(user, exp=int(time.time()) - 60),
    }[whose]
    reply = await person.ask("refreshToken", {"token": token})
    assert reply["data"]["code"] == "AUTHENTICATION_ERROR"
    assert (await person.ask("getStatus"))["data"]["tokenExpiresAt"] == before


@pytest.mark.parametrize("action", ["getStatus", "subscribeToDeals", "unsubscribeFromDeals"])
async def test_connection_without_a_record_gets_a_connection_error(connects, user, stack, action):
    person = await connects(user)
    stack.table("connections").delete_item(Key={"connection_id": await person.connection_id()})
    assert (await person.ask(action))["data"]["code"] == "CONNECTION_ERROR"


async def ask_with_retry(person, action, data):
    """Ask, and while the server limits the rate, ask again after the time that it names."""
    while True:
        reply = await person.ask(action, data)
        if reply["data"].get("code") != "RATE_LIMITED":
            return reply
        await asyncio.sleep(reply["data"]["details"]["retryAfterMs"] / 1000)


async def test_51st_subscription_is_refused_and_the_others_stay(connects, user, topic):
    person = await connects(user)
    for number in range(50):
        reply = await ask_with_retry(person, "subscribeToDeals", {"topic": f"{topic}.n{number}"})
        assert reply["type"] == "subscriptionConfirmed", reply
    reply = await ask_with_retry(person, "subscribeToDeals", {"topic": f"{topic}.one-more"})
    assert reply["data"]["code"] == "SUBSCRIPTION_ERROR"
    reply = await ask_with_retry(
        person, "subscribeToDeals", {"topic": f"{topic}.n7", "filters": {"price": {"lte": 5}}}
    )
    assert reply["type"] == "subscriptionConfirmed", reply
    assert len((await person.ask("getStatus"))["data"]["subscriptions"]) == 50


async def test_acknowledgement_of_an_unknown_message_is_not_found(connects, user):
    person = await connects(user)
    reply = await person.ask("notificationAck", {"messageId": "01JZZZZZZZZZZZZZZZZZZZZZZZ"})
    assert reply["data"]["code"] == "NOT_FOUND"


async def test_acknowledgement_of_another_users_message_is_not_found(connects, user):
    sender, recipient = await connects(f"{user}-ann"), await connects(f"{user}-bob")
    message_id = (await sender.ask("sendMessage", {"recipientId": f"{user}-bob", "content": "hi"}))["data"][
        "messageId"
    ]
    assert (await sender.ask("notificationAck", {"messageId": message_id}))["data"]["code"] == "NOT_FOUND"
    assert (await recipient.ask("getStatus"))["data"]["unread"] == 1


async def test_unknown_top_level_fields_are_ignored(connects, user):
    person = await connects(user)
    await person.say(json.dumps({"action": "ping", "colour": "red", "requestId": "x"}))
    assert (await person.hears("pong"))["requestId"] == "x"
