"""The reads, writes and posts of each action, without the limiter: the budgets of docs/architecture.md."""

import json
import os

import pytest

from message_router.action_limits import ActionLimits
from message_router.actions import Actions
from message_router.limits import Limit
from message_router.lookup import DynamoConnectionLookup
from message_router.memory import MemoryLimiter
from message_router.router import Incoming, Router
from realtime_core.auth.dynamodb import DynamoRevocations
from realtime_core.auth.memory import MemorySigningSecrets
from realtime_core.auth.tokens import TokenRules
from realtime_core.auth.verifier import TokenVerifier
from realtime_core.connections.base import Connection
from realtime_core.history.dynamodb_events import DynamoHistory
from realtime_core.push.memory import MemoryDeliveries, MemoryManagementApi
from realtime_core.push.pusher import Pusher
from realtime_core.redis.dynamodb_health import DynamoHealth
from realtime_core.redis.health import Health
from realtime_core.subscriptions.dynamodb import DynamoSubscriptions
from realtime_core.subscriptions.pending_changes import PendingWrites
from tests.contract.support.cases import message
from tests.contract.support.watched_clients import watching

NOW = 1_795_382_480
MANY = Limit(rate=1000, burst=1000)


@pytest.fixture(params=[False, True], ids=["alone", "with an index"])
def spend(request, dynamodb, dynamo_stores):
    """A router on DynamoDB, with Ann on one connection and Ben on two."""
    stores, management_api = dynamo_stores, MemoryManagementApi()
    pending = PendingWrites("subscriptions") if request.param else None
    subscriptions = DynamoSubscriptions(dynamodb, "connections", "subscriptions", pending=pending)
    pusher = Pusher(management_api, stores.connections, subscriptions, MemoryDeliveries(), now=lambda: NOW)
    actions = Actions(
        connections=stores.connections,
        subscriptions=subscriptions,
        messages=stores.messages,
        history=DynamoHistory(dynamodb, "history"),
        lookup=DynamoConnectionLookup(dynamodb, "connections", "history", has_index=request.param),
        verifier=TokenVerifier(TokenRules(), MemorySigningSecrets("s" * 32), None),
        revocations=DynamoRevocations(dynamodb, "revocations"),
        pusher=pusher,
        now=lambda: NOW,
        entropy=os.urandom,
    )
    limits = ActionLimits(MemoryLimiter(), send_message=MANY, subscriptions=MANY, others=MANY)
    for connection_id, user_id in (("a1", "ann"), ("b1", "ben"), ("b2", "ben")):
        stores.connections.add(Connection(connection_id, user_id, NOW, NOW + 3600))
    router = Router(actions, stores.connections, limits, lambda: NOW)

    def act(connection_id, user_id, action, data):
        """The data of an action's reply, and the numbers of its reads, writes and posts."""
        posts = sum(map(len, management_api.received.values()))
        body = json.dumps({"action": action, "data": data, "requestId": f"{action}-{connection_id}"})
        context = {"userId": user_id, "tokenExp": str(NOW + 3600)}
        with watching(dynamodb) as watch:
            reply = json.loads(router.reply(Incoming(body, connection_id, "c", context, NOW * 1000)))
        assert reply["type"] != "error", reply
        return reply["data"], (
            watch.reads,
            watch.writes,
            sum(map(len, management_api.received.values())) - posts,
        )

    return act


def test_ping_touches_no_store(spend):
    assert spend("a1", "ann", "ping", {})[1] == (0, 0, 0)


def test_get_status_takes_two_reads(spend):
    assert spend("a1", "ann", "getStatus", {})[1] == (2, 0, 0)


def test_get_status_reports_that_redis_is_down_without_another_read(request, dynamodb, spend):
    DynamoHealth(dynamodb, "history").report(Health("down", NOW - 60))
    status, spent = spend("a1", "ann", "getStatus", {})
    assert status["systemStatus"] == ("degraded" if "index" in request.node.name else "operational")
    assert spent == (2, 0, 0)
    DynamoHealth(dynamodb, "history").report(Health("up", NOW))
    assert spend("a1", "ann", "getStatus", {})[0]["systemStatus"] == "operational"


def test_subscribe_takes_one_read_and_at_most_three_writes(spend):
    reads, writes, posts = spend("a1", "ann", "subscribeToDeals", {"topic": "books"})[1]
    assert (reads, posts) == (1, 0)
    assert writes <= 3


def test_changing_a_subscription_takes_one_read_and_one_write_if_the_group_exists(spend):
    spend("a1", "ann", "subscribeToDeals", {"topic": "books"})
    assert spend("b1", "ben", "subscribeToDeals", {"topic": "books"})[1] == (1, 1, 0)
    assert spend("b1", "ben", "unsubscribeFromDeals", {"topic": "books"})[1] == (1, 1, 0)


def test_send_message_takes_one_query_one_write_and_a_post_for_each_connection(spend):
    assert spend("a1", "ann", "sendMessage", {"recipientId": "ben", "content": "hi"})[1] == (1, 1, 2)


def test_a_repeated_message_takes_one_write_and_no_post(spend):
    spend("a1", "ann", "sendMessage", {"recipientId": "ben", "content": "hi"})
    assert spend("a1", "ann", "sendMessage", {"recipientId": "ben", "content": "hi"})[1] == (0, 1, 0)


def test_a_repeated_message_that_another_process_stored_takes_a_read_and_no_post(spend, dynamo_stores):
    dynamo_stores.messages.put(message(content="hi"), "sendMessage-a1")
    # The entry, which the recipient has not acknowledged: the queue pushes it.
    assert spend("a1", "ann", "sendMessage", {"recipientId": "ben", "content": "hi"})[1] == (1, 1, 0)


def test_an_inbox_page_takes_one_query(spend):
    assert spend("b1", "ben", "getMessages", {})[1] == (1, 0, 0)


@pytest.mark.parametrize(("kind", "reads"), [("delivered", 1), ("read", 2)])
def test_an_acknowledgement_takes_one_write_and_tells_the_sender(spend, kind, reads):
    sent, _ = spend("a1", "ann", "sendMessage", {"recipientId": "ben", "content": "hi"})
    # One query for the sender; `read` reads the entry too, because a transaction returns nothing.
    assert spend("b1", "ben", "notificationAck", {"messageId": sent["messageId"], "type": kind})[1] == (
        reads,
        1,
        1,
    )
