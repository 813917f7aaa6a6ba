"""The Python client against the applied stack: it resumes, dispatches by filters, and exchanges messages."""

from __future__ import annotations

import asyncio

import pytest

from deals_client import DealsClient, NotFound, Options, ValidationError
from local_cloud.client import WAIT_SECONDS


@pytest.fixture
async def client_of(stack):
    """Return a function that makes a user's client; all are closed at the end."""
    clients = []

    def make(user, **options):
        async def get_token(_reason):
            return stack.token(user)

        clients.append(DealsClient(stack.websocket_url, get_token, **options))
        return clients[-1]

    yield make
    for client in clients:
        await client.close()


async def take(subscription, count):
    async with asyncio.timeout(WAIT_SECONDS):
        return [await anext(subscription) for _ in range(count)]


async def test_stream_goes_on_through_broken_connections(client_of, user, topic, stack):
    client = client_of(user, options=Options(backoff_base=0.2))
    warnings = []
    client.on("warning", warnings.append)
    await client.connect()
    async with client.subscribe(topic, filters={"maxPrice": 100}) as deals:
        await deals.ready()
        expected = []
        for number in range(5):
            connection = (await client.status()).connection_id
            expected.append(stack.publish(topic=topic, data={"price": 1, "n": number})["position"])
            await asyncio.to_thread(stack.vanish, connection)
            expected.append(stack.publish(topic=topic, data={"price": 2, "n": number})["position"])
            stack.publish(topic=topic, data={"price": 999})
            events = await take(deals, 2)
            assert [event.position for event in events] == expected[-2:]
        assert deals.state == "live"
    assert (await client.status()).subscriptions == {}
    assert warnings == []


async def test_two_subscriptions_get_what_their_own_filters_want(client_of, user, topic, stack):
    client = client_of(user)
    await client.connect()
    cheap = client.subscribe("all-deals", filters={"price": {"lt": 10}, "mark": user})
    laptops = client.subscribe(topic, filters={"category": "laptops"})
    await cheap.ready()
    await laptops.ready()
    data = {"price": 5, "mark": user}
    both = stack.publish(topic=topic, data=data, filters={"category": "laptops"})["position"]
    one = stack.publish(topic=f"{topic}.other", data=data)["position"]
    other = stack.publish(topic=topic, data={**data, "price": 50}, filters={"category": "laptops"})[
        "position"
    ]
    assert [event.position for event in await take(cheap, 2)] == [both, one]
    assert [event.position for event in await take(laptops, 2)] == [both, other]


async def test_messages_reach_the_other_client_and_its_inbox(client_of, user, stack):
    sender, recipient = client_of(f"{user}-ann"), client_of(f"{user}-ben")
    received, receipts = asyncio.Queue(), asyncio.Queue()
    recipient.on("message", received.put_nowait)
    sender.on("messageStatus", receipts.put_nowait)
    await sender.connect()
    await recipient.connect()
    sent = await sender.send_message(f"{user}-ben", "Shall we?")
    message = await asyncio.wait_for(received.get(), WAIT_SECONDS)
    assert (message.content, message.sender_id, message.message_id) == (
        "Shall we?",
        f"{user}-ann",
        sent.message_id,
    )

    await recipient.disconnect()
    later = await sender.send_message(f"{user}-ben", "And?")
    await recipient.connect()
    assert (await asyncio.wait_for(received.get(), WAIT_SECONDS)).message_id == later.message_id
    assert [entry.content async for entry in recipient.inbox(status="sent")] == ["Shall we?", "And?"]
    await recipient.ack(sent.message_id, "read")
    assert (await asyncio.wait_for(receipts.get(), WAIT_SECONDS)).type == "read"
    assert received.empty()


async def test_errors_are_those_of_the_service(client_of, user, topic):
    client = client_of(user)
    await client.connect()
    with pytest.raises(NotFound):
        await client.ack("nothing")
    with pytest.raises(ValidationError) as failure:
        await client.subscribe(topic, filters={"price": {"like": 1}}).ready()
    assert failure.value.problems[0]["field"] == "data.filters.price"
