"""Protocol, "Errors": every code on a real socket, in the shape of the contract, and none closes it."""

from __future__ import annotations

import time
import uuid
from contextlib import contextmanager

import pytest

from realtime_core.errors import ActionError


@contextmanager
def failing(stack, *faults):
    """Let every call of these `(service, operation)` fail."""
    for service, operation in faults:
        stack.control("faults", {"service": service, "operation": operation, "status": 500})
    try:
        yield
    finally:
        stack.control("faults", method="DELETE")


async def send_nothing(person, stack):
    return await person.ask("sendMessage", {})


async def refresh_with_rubbish(person, stack):
    return await person.ask("refreshToken", {"token": "rubbish"})


async def lose_the_record(person, stack):
    stack.table("connections").delete_item(Key={"connection_id": await person.connection_id()})
    return await person.ask("getStatus")


async def subscribe_in_an_outage(person, stack):
    with failing(stack, ("dynamodb", "BatchGetItem")):
        return await person.ask("subscribeToDeals")


async def send_in_an_outage(person, stack):
    with failing(stack, ("dynamodb", "TransactWriteItems")):
        return await person.ask("sendMessage", {"recipientId": "nobody", "content": "hi"})


async def acknowledge_in_an_outage(person, stack):
    with failing(stack, ("dynamodb", "GetItem")):
        return await person.ask("notificationAck", {"messageId": "01JZZZZZZZZZZZZZZZZZZZZZZZ"})


async def acknowledge_nothing(person, stack):
    return await person.ask("notificationAck", {"messageId": "01JZZZZZZZZZZZZZZZZZZZZZZZ"})


async def send_from_an_empty_bucket(person, stack):
    user_id = (await person.ask("getStatus"))["data"]["userId"]
    full_at = int((time.time() + 3600) * 1_000_000)
    stack.table("limits").put_item(Item={"bucket": f"{user_id}#sendMessage", "full_at": full_at})
    return await person.ask("sendMessage", {"recipientId": "nobody", "content": "hi"})


async def read_in_an_outage(person, stack):
    with failing(stack, ("dynamodb", "Query")):
        return await person.ask("getMessages")


async def subscribe_without_permission(person, stack):
    return await person.ask("subscribeToDeals", {"topic": "private.team-42"})


CODES = {
    subscribe_without_permission: "FORBIDDEN",
    send_nothing: "VALIDATION_ERROR",
    refresh_with_rubbish: "AUTHENTICATION_ERROR",
    lose_the_record: "CONNECTION_ERROR",
    subscribe_in_an_outage: "SUBSCRIPTION_ERROR",
    send_in_an_outage: "MESSAGE_ERROR",
    acknowledge_in_an_outage: "MESSAGE_ERROR",
    acknowledge_nothing: "NOT_FOUND",
    send_from_an_empty_bucket: "RATE_LIMITED",
    read_in_an_outage: "INTERNAL_ERROR",
}


def list_codes(error=ActionError):
    """The codes of an error and of its subclasses."""
    return {error.code}.union(*(list_codes(subclass) for subclass in error.__subclasses__()))


def test_every_code_is_provoked():
    assert set(CODES.values()) == list_codes()


@pytest.mark.parametrize("provoke", CODES, ids=lambda provoke: provoke.__name__)
async def test_code_arrives_in_the_shape_of_the_contract_and_closes_nothing(connects, user, stack, provoke):
    person = await connects(user)

    reply = await provoke(person, stack)

    assert set(reply) - {"_at"} == {"type", "data", "timestamp", "requestId"}
    assert reply["type"] == "error"
    assert reply["data"]["code"] == CODES[provoke]
    assert set(reply["data"]) <= {"code", "message", "details"}
    assert reply["data"]["message"]
    assert (await person.ask("ping"))["type"] == "pong"


@pytest.mark.parametrize(
    ("provoke", "detail"),
    [
        (send_nothing, "field"),
        (send_from_an_empty_bucket, "retryAfterMs"),
        (read_in_an_outage, "correlationId"),
    ],
    ids=["fields", "wait", "correlation-id"],
)
async def test_details_say_what_the_client_can_use(connects, user, stack, provoke, detail):
    reply = await provoke(await connects(user), stack)
    details = reply["data"]["details"]
    assert detail in (details[0] if isinstance(details, list) else details)


async def test_message_that_could_not_be_stored_is_not_sent_until_it_is_repeated(connects, user, stack):
    sender, recipient = await connects(f"{user}-ann"), await connects(f"{user}-ben")
    message, request_id = {"recipientId": f"{user}-ben", "content": "hi"}, str(uuid.uuid4())
    with failing(stack, ("dynamodb", "TransactWriteItems")):
        refused = await sender.ask("sendMessage", message, requestId=request_id)
    assert refused["data"]["code"] == "MESSAGE_ERROR"
    status = (await recipient.ask("getStatus"))["data"]
    assert (status["unread"], recipient.all_heard("messageReceived")) == (0, [])

    sent = await sender.ask("sendMessage", message, requestId=request_id)

    assert sent["type"] == "messageSent"
    frame = await recipient.hears("messageReceived")
    assert frame["data"]["messageId"] == sent["data"]["messageId"]
    assert (await recipient.ask("getStatus"))["data"]["unread"] == 1


@pytest.mark.parametrize("changed", ["recipientId", "content", "type"])
async def test_request_id_of_another_message_is_refused_by_name_and_nothing_is_swallowed(
    connects, user, changed
):
    sender, recipient = await connects(f"{user}-ann"), await connects(f"{user}-ben")
    message = {"recipientId": f"{user}-ben", "content": "hi", "type": "text"}
    sent = await sender.ask("sendMessage", message, requestId="1")

    other = {**message, changed: "another"}
    refused = await sender.ask("sendMessage", other, requestId="1")

    assert refused["data"]["code"] == "VALIDATION_ERROR"
    assert [detail["field"] for detail in refused["data"]["details"]] == ["requestId"]
    inbox = (await recipient.ask("getMessages"))["data"]["messages"]
    assert [item["messageId"] for item in inbox] == [sent["data"]["messageId"]]
    again = await sender.ask("sendMessage", message, requestId="1")
    assert again["data"] == sent["data"]


async def test_message_is_pushed_by_the_queue_where_its_recipient_cannot_be_looked_up(connects, user, stack):
    sender, recipient = await connects(f"{user}-ann"), await connects(f"{user}-ben")
    with failing(stack, ("dynamodb", "Query")):
        sent = await sender.ask("sendMessage", {"recipientId": f"{user}-ben", "content": "hi"})
    assert sent["type"] == "messageSent"
    frame = await recipient.hears("messageReceived", within=60)
    assert frame["data"]["messageId"] == sent["data"]["messageId"]


async def test_message_that_not_even_the_queue_takes_is_pushed_by_its_repeat(connects, user, stack):
    """As after a function that dies between storing and pushing."""
    sender, recipient = await connects(f"{user}-ann"), await connects(f"{user}-ben")
    message, request_id = {"recipientId": f"{user}-ben", "content": "hi"}, str(uuid.uuid4())
    with failing(stack, ("dynamodb", "Query"), ("sqs", "SendMessageBatch")):
        failed = await sender.ask("sendMessage", message, requestId=request_id)
    assert failed["data"]["code"] == "INTERNAL_ERROR"

    sent = await sender.ask("sendMessage", message, requestId=request_id)

    assert sent["type"] == "messageSent"
    frame = await recipient.hears("messageReceived", within=60)
    assert frame["data"]["messageId"] == sent["data"]["messageId"]
    assert (await recipient.ask("getStatus"))["data"]["unread"] == 1


async def test_status_is_pushed_by_the_queue_where_its_sender_cannot_be_looked_up(connects, user, stack):
    sender, recipient = await connects(f"{user}-ann"), await connects(f"{user}-ben")
    sent = await sender.ask("sendMessage", {"recipientId": f"{user}-ben", "content": "hi"})
    acknowledgement = {"messageId": sent["data"]["messageId"], "type": "delivered"}
    with failing(stack, ("dynamodb", "Query")):
        assert (await recipient.ask("notificationAck", acknowledgement))["type"] == "notificationAcked"
    status = await sender.hears("messageStatus", within=60)
    assert status["data"]["messageId"] == acknowledgement["messageId"]
