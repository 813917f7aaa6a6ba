"""The relay and publishers work with the rights that Terraform gives their users in Redis."""

import asyncio

import pytest

from deals_publisher import Publisher, RedisChannel, RedisStream
from redis_relay.settings import STREAM
from tests.contract.redis_access.access import create_user
from tests.contract.redis_relay.conftest import client_of, dead_letters, until, wait_for_lease
from tests.contract.redis_relay.lambda_endpoint import ACCEPTED, Failed


@pytest.fixture
def publisher_user(server):
    """The user of publishers; None if Redis is too old for users."""
    with client_of(server) as admin:
        yield create_user(admin, "publisher", server.password)


def publisher_for(transport, server, user):
    trusted = {"ssl_ca_certs": str(server.authorities)} if server.authorities else {}
    return Publisher(transport(server.url, username=user, password=server.password, **trusted))


async def test_relay_with_the_rights_of_its_user_has_no_redis_failures(
    publisher_user, server, relays, publisher, broadcast
):
    def function(event):
        if event["data"]["n"] == "poison":
            raise Failed("KeyError")
        return ACCEPTED

    broadcast.function = function
    first = relays.start(relay=3)
    await wait_for_lease(publisher, first)
    stream, channel = (
        publisher_for(transport, server, publisher_user) for transport in (RedisStream, RedisChannel)
    )

    for number in range(10):
        stream.publish_event("books", {"n": number})
        assert channel.publish_event("books", {"n": number + 10}).listeners == 1
    stream.publish_event("books", {"n": "poison"})
    publisher.publish("deals:books", "no json")

    second = relays.start(handover=3)
    assert await asyncio.wait_for(first, 10) == "relayed"
    channel.publish_event("books", {"n": 20})

    await until(lambda: set(broadcast.ids()) == set(range(21)))
    await until(lambda: len(dead_letters(publisher)) == 2)
    await until(lambda: publisher.xlen(STREAM) <= 1)
    assert not second.done()
    assert relays.metrics["RelayRedisFailures"] + second.relay.report.redis_failures == 0
