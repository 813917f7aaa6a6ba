"""Protocol, "Actions": the reply and the effect of each action, over real sockets."""

from __future__ import annotations

import asyncio
import json
import time

import pytest


async def test_ping_gets_a_pong(connects, user):
    person = await connects(user)
    reply = await person.ask("ping")
    assert reply["type"] == "pong"
    assert reply["data"] == {}
    assert abs(reply["timestamp"] - time.time()) < 60


async def test_reply_carries_a_request_id_only_if_the_request_did(connects, user):
    person = await connects(user)
    await person.say(json.dumps({"action": "ping"}))
    assert "requestId" not in await person.hears("pong")
    assert (await person.ask("ping", requestId="c-17"))["requestId"] == "c-17"


async def test_frames_are_compact_json(connects, user):
    person = await connects(user)
    await person.ask("getStatus")
    text = person.raw[-1]
    assert text == json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=False)


async def test_subscribe_confirms_topic_and_filters(connects, user, topic):
    person = await connects(user)
    filters = {"category": ["electronics", "home"], "minDiscount": 20}
    reply = await person.subscribe(topic, filters)
    assert reply["data"]["topic"] == topic
    assert reply["data"]["filters"] == filters


async def test_subscribe_without_data_subscribes_to_all_deals_without_filters(connects, user):
    person = await connects(user)
    reply = await person.ask("subscribeToDeals")
    assert (reply["data"]["topic"], reply["data"]["filters"]) == ("all-deals", {})


async def test_second_subscribe_replaces_the_filters_and_a_repeat_changes_nothing(
    connects, user, topic, stack
):
    person = await connects(user)
    await person.subscribe(topic, {"price": {"lte": 10}})
    await person.subscribe(topic, {"price": {"lte": 500}})
    await person.subscribe(topic, {"price": {"lte": 500}})
    status = await person.ask("getStatus")
    assert status["data"]["subscriptions"] == [{"topic": topic, "filters": {"price": {"lte": 500}}}]

    stack.publish(topic=topic, data={"title": "desk", "price": 449})
    assert (await person.hears("dealUpdate"))["data"]["title"] == "desk"
    stack.publish(topic=topic, data={"title": "sofa", "price": 1190})
    stack.publish(topic=topic, data={"title": "lamp", "price": 69})
    await person.hears(lambda frame: frame.get("data", {}).get("title") == "lamp")
    assert [frame["data"]["title"] for frame in person.all_heard("dealUpdate")] == ["desk", "lamp"]


async def test_unsubscribe_ends_the_deals_and_can_be_repeated(connects, user, topic, stack):
    person = await connects(user)
    await person.subscribe(topic)
    for _ in range(2):
        reply = await person.ask("unsubscribeFromDeals", {"topic": topic})
        assert (reply["type"], reply["data"]) == ("unsubscriptionConfirmed", {"topic": topic})
    assert stack.publish(topic=topic, data={"title": "late"})["total"] == 0


async def test_send_message_reaches_every_connection_of_the_recipient(connects, user):
    sender = await connects(f"{user}-ann")
    phone, laptop = await asyncio.gather(connects(f"{user}-bob"), connects(f"{user}-bob"))
    reply = await sender.ask("sendMessage", {"recipientId": f"{user}-bob", "content": "See you at 6? ✓"})
    assert reply["type"] == "messageSent"
    assert reply["data"]["recipientId"] == f"{user}-bob"

    for device in (phone, laptop):
        frame = await device.hears("messageReceived")
        assert frame["data"] == {
            "messageId": reply["data"]["messageId"],
            "senderId": f"{user}-ann",
            "content": "See you at 6? ✓",
            "type": "text",
            "timestamp": reply["data"]["timestamp"],
        }


async def test_message_to_an_offline_user_waits_in_the_inbox(connects, user):
    sender = await connects(f"{user}-ann")
    sent = [
        (await sender.ask("sendMessage", {"recipientId": f"{user}-bob", "content": f"note {number}"}))["data"]
        for number in range(3)
    ]

    recipient = await connects(f"{user}-bob")
    assert (await recipient.ask("getStatus"))["data"]["unread"] == 3
    first = (await recipient.ask("getMessages", {"limit": 2}))["data"]
    rest = (await recipient.ask("getMessages", {"after": first["next"]}))["data"]
    read = [message["messageId"] for message in first["messages"] + rest["messages"]]
    assert read == [message["messageId"] for message in sent]
    assert "next" not in rest


@pytest.mark.parametrize("kind", ["delivered", "read"])
async def test_acknowledgement_stores_the_status_and_notifies_the_sender(connects, user, kind):
    sender, recipient = await connects(f"{user}-ann"), await connects(f"{user}-bob")
    await sender.ask("sendMessage", {"recipientId": f"{user}-bob", "content": "hello"})
    message_id = (await recipient.hears("messageReceived"))["data"]["messageId"]

    reply = await recipient.ask("notificationAck", {"messageId": message_id, "type": kind})
    assert reply["type"] == "notificationAcked"
    assert (reply["data"]["messageId"], reply["data"]["type"]) == (message_id, kind)
    status = await sender.hears("messageStatus")
    assert (status["data"]["messageId"], status["data"]["type"]) == (message_id, kind)
    assert status["data"]["recipientId"] == f"{user}-bob"

    stored = (await recipient.ask("getMessages"))["data"]["messages"]
    assert [message["status"] for message in stored] == [kind]


async def test_read_message_acknowledged_as_delivered_stays_read(connects, user):
    sender, recipient = await connects(f"{user}-ann"), await connects(f"{user}-bob")
    await sender.ask("sendMessage", {"recipientId": f"{user}-bob", "content": "hello"})
    message_id = (await recipient.hears("messageReceived"))["data"]["messageId"]
    await recipient.ask("notificationAck", {"messageId": message_id})
    await recipient.ask("notificationAck", {"messageId": message_id, "type": "delivered"})
    await sender.hears("messageStatus")
    await sender.ask("getStatus")
    assert [frame["data"]["type"] for frame in sender.all_heard("messageStatus")] == ["read"]
    assert (await recipient.ask("getMessages"))["data"]["messages"][0]["status"] == "read"
    assert (await recipient.ask("getStatus"))["data"]["unread"] == 0


async def test_get_status_describes_the_connection(connects, user, topic):
    person = await connects(user)
    await person.subscribe(topic, {"price": {"lte": 100}})
    data = (await person.ask("getStatus"))["data"]
    assert set(data) == {
        "connectionId", "userId", "connectedSince", "tokenExpiresAt", "subscriptions", "unread",
        "systemStatus", "server",
    }  # fmt: skip
    assert data["userId"] == user
    assert abs(data["connectedSince"] - time.time()) < 60
    assert data["subscriptions"] == [{"topic": topic, "filters": {"price": {"lte": 100}}}]
    assert (data["unread"], data["systemStatus"]) == (0, "operational")
    server = data["server"]
    assert (server["protocol"], server["heartbeatSeconds"], server["frameBytesMax"]) == (1, 540, 32 * 1024)
    assert abs(server["time"] - time.time()) < 60
    assert {"recent", "getEvents", "eventFilters", "expiresAt", "closing", "keepAlive", "presence"} <= set(
        server["features"]
    )


async def test_cursor_of_the_inbox_brings_what_is_new_and_what_came_of_late(connects, user):
    sender, reader = await connects(f"{user}-ann"), await connects(user)
    empty = (await reader.ask("getMessages"))["data"]
    for content in ("one", "two"):
        await sender.ask("sendMessage", {"recipientId": user, "content": content})
    page = (await reader.ask("getMessages", {"after": empty["cursor"]}))["data"]
    assert [entry["content"] for entry in page["messages"]] == ["one", "two"]
    again = (await reader.ask("getMessages", {"after": page["cursor"]}))["data"]
    assert again["messages"] == page["messages"], "they are younger than half a minute"
    first = (await reader.ask("getMessages", {"limit": 1}))["data"]
    assert first["cursor"] <= first["next"]


async def test_concurrent_refreshes_keep_the_latest_expiry(connects, user, stack):
    person = await connects(user)
    now = int(time.time())
    tokens = [stack.token(user, exp=now + seconds) for seconds in (9000, 8000, 8500)]
    replies = await asyncio.gather(*(person.ask("refreshToken", {"token": token}) for token in tokens))
    assert {reply["type"] for reply in replies} == {"tokenRefreshed"}
    assert (await person.ask("getStatus"))["data"]["tokenExpiresAt"] == now + 9000


async def test_refresh_token_extends_the_connection(connects, user, stack):
    person = await connects(user)
    later = int(time.time()) + 7200
    reply = await person.ask("refreshToken", {"token": stack.token(user, exp=later)})
    assert (reply["type"], reply["data"]) == ("tokenRefreshed", {"expiresAt": later})
    assert (await person.ask("getStatus"))["data"]["tokenExpiresAt"] == later
