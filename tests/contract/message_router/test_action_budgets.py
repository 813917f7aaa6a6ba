"""What each action spends: the budgets of docs/architecture.md.

Reads, writes and posts are without the limiter's write; exchanges and waits are with it.
"""

import json
import os
from typing import NamedTuple

import pytest

from deals_ops.token_issuer import issue_token
from message_router.action_limits import ActionLimits
from message_router.actions import Actions
from message_router.limiter_dynamodb import DynamoLimiter
from message_router.limits import Limit
from message_router.lookup import DynamoConnectionLookup
from message_router.router import Incoming, Router
from realtime_core.auth.dynamodb import DynamoRevocations
from realtime_core.auth.memory import MemorySigningSecrets
from realtime_core.auth.tokens import TokenRules
from realtime_core.auth.verifier import TokenVerifier
from realtime_core.connections.base import Connection
from realtime_core.history.base import Finished
from realtime_core.history.dynamodb_admission import DynamoAdmission
from realtime_core.history.dynamodb_events import DynamoHistory
from realtime_core.push.memory import MemoryDeliveries, MemoryManagementApi
from realtime_core.push.pusher import Pusher
from realtime_core.redis.dynamodb_health import DynamoHealth
from realtime_core.redis.health import Health
from realtime_core.subscriptions.dynamodb import DynamoSubscriptions
from realtime_core.subscriptions.pending_changes import PendingWrites
from tests.contract.support.admitted import new_event
from tests.contract.support.cases import message
from tests.contract.support.watched_clients import watching

NOW = 1_795_382_480
MANY = Limit(rate=1000, burst=1000)
FEW = Limit(rate=1, burst=4)
SECRET = "s" * 32


class Spent(NamedTuple):
    """Exchanges are requests and their responses, posts too; a wait is for one or more of them together."""

    reads: int
    writes: int
    posts: int
    exchanges: int
    waits: int


@pytest.fixture(params=[False, True], ids=["alone", "with an index"])
def spend(request, dynamodb, dynamo_stores):
    """A router on DynamoDB, with Ann on one connection and Ben on two."""
    stores, management_api, clock = dynamo_stores, MemoryManagementApi(), [NOW]
    pending = PendingWrites("subscriptions") if request.param else None
    subscriptions = DynamoSubscriptions(dynamodb, "connections", "subscriptions", pending=pending)
    pusher = Pusher(management_api, stores.connections, subscriptions, MemoryDeliveries(), now=lambda: NOW)
    limits = ActionLimits(
        DynamoLimiter(dynamodb, "limits"), send_message=MANY, subscriptions=MANY, get_events=MANY, others=FEW
    )
    parts = {
        "connections": stores.connections,
        "subscriptions": subscriptions,
        "messages": stores.messages,
        "history": DynamoHistory(dynamodb, "history"),
        "verifier": TokenVerifier(TokenRules(), MemorySigningSecrets(SECRET), None),
        "revocations": DynamoRevocations(dynamodb, "revocations"),
        "pusher": pusher,
        "now": lambda: clock[0],
        "entropy": os.urandom,
        "mark_refreshed": limits.mark_refreshed,
    }
    for connection_id, user_id in (("a1", "ann"), ("b1", "ben"), ("b2", "ben")):
        stores.connections.add(Connection(connection_id, user_id, NOW, NOW + 3600))

    def start_process():
        lookup = DynamoConnectionLookup(dynamodb, "connections", "history", has_index=request.param)
        return Router(Actions(lookup=lookup, **parts), stores.connections, limits, lambda: clock[0])

    router = start_process()

    def act(
        connection_id,
        user_id,
        action,
        data,
        *,
        token_exp=NOW + 3600,
        request_id=None,
        connected_at=None,
        after_ms=0,
        elsewhere=False,
        code=None,
        **context,
    ):
        """The data of an action's reply, and what it has spent.

        `elsewhere` is in another process; `code` is of the error that must come.
        """
        clock[0] = NOW + after_ms / 1000
        posts = sum(map(len, management_api.received.values()))
        body = json.dumps(
            {"action": action, "data": data, "requestId": request_id or f"{action}-{connection_id}"}
        )
        context |= {"userId": user_id, "tokenExp": str(token_exp)}
        with watching(dynamodb) as watch:
            incoming = Incoming(body, connection_id, "c", context, NOW * 1000 + after_ms, connected_at)
            reply = json.loads((start_process() if elsewhere else router).reply(incoming))
        posted = sum(map(len, management_api.received.values())) - posts
        limiter = watch.by_table["limits"]
        assert reply["type"] != "error" or reply["data"]["code"] in {code, "RATE_LIMITED"}, reply
        return reply["data"], Spent(
            watch.reads, watch.writes - limiter, posted, watch.exchanges + posted, watch.waits
        )

    return act


@pytest.fixture
def history(dynamodb):
    """1,251 events of one topic: in batches, whose own events overtake each other, and at last one alone."""
    admission = DynamoAdmission(dynamodb, "history", os.urandom)
    for first in range(0, 1_251, 25):
        events = [new_event(f"e{number}") for number in range(first, min(first + 25, 1_251))]
        claims = admission.claim_all(events, NOW * 1000)
        admission.finish_all([Finished(claim, "done", in_flight=False) for claim in claims])


def token(user_id, seconds=7200, **claims):
    return issue_token(user_id, SECRET, NOW, seconds, **claims)


def test_ping_touches_no_store(spend):
    assert spend("a1", "ann", "ping", {})[1] == (0, 0, 0, 0, 0)


def test_get_status_takes_two_reads_and_one_wait(spend):
    assert spend("a1", "ann", "getStatus", {})[1] == Spent(2, 0, 0, exchanges=3, waits=1)


def test_get_status_reports_that_redis_is_down_without_another_read(request, dynamodb, spend):
    DynamoHealth(dynamodb, "history").report(Health("down", NOW - 60))
    status, spent = spend("a1", "ann", "getStatus", {})
    assert status["systemStatus"] == ("degraded" if "index" in request.node.name else "operational")
    assert spent == Spent(2, 0, 0, exchanges=3, waits=1)
    DynamoHealth(dynamodb, "history").report(Health("up", NOW))
    assert spend("a1", "ann", "getStatus", {})[0]["systemStatus"] == "operational"


def test_subscribe_to_a_new_group_takes_two_reads_and_at_most_three_writes(spend):
    """The second read tells, once a minute for each process and topic, in how many partitions groups are.

    It waits together with the write that would do if the group were listed.
    """
    spent = spend("a1", "ann", "subscribeToDeals", {"topic": "books"})[1]
    assert spent == Spent(2, 3, 0, exchanges=6, waits=4)


def test_changing_a_subscription_takes_one_read_and_one_write_if_the_group_exists(spend):
    spend("a1", "ann", "subscribeToDeals", {"topic": "books"})
    subscribed = spend("b1", "ben", "subscribeToDeals", {"topic": "books"})[1]
    assert subscribed == Spent(1, 1, 0, exchanges=3, waits=2)
    unsubscribed = spend("b1", "ben", "unsubscribeFromDeals", {"topic": "books"})[1]
    assert unsubscribed == Spent(1, 1, 0, exchanges=3, waits=2)


def test_a_token_that_another_process_refreshed_is_in_force(spend):
    """The record has its expiry; the handshake's context and what a process did before have an older one."""
    spend("a1", "ann", "subscribeToDeals", {"topic": "books"})
    spend("a1", "ann", "refreshToken", {"token": token("ann", 7200)}, elsewhere=True)
    after_ms = 3700 * 1000
    subscribed, spent = spend("a1", "ann", "subscribeToDeals", {"topic": "toys"}, after_ms=after_ms)
    assert subscribed["topic"] == "toys"
    assert spent.reads == 2
    assert spend("a1", "ann", "getStatus", {}, after_ms=after_ms)[0]["tokenExpiresAt"] == NOW + 7200


def test_a_first_picture_takes_one_read_of_the_bounds_and_at_most_eleven_of_the_history(spend, history):
    """Those wait together, two, four, eight …: three times at most. Mostly the first round is enough."""
    spend("b1", "ben", "subscribeToDeals", {"topic": "books"})
    plain = spend("b1", "ben", "subscribeToDeals", {"topic": "books"})[1]

    data, spent = spend("b1", "ben", "subscribeToDeals", {"topic": "books", "recent": 20})
    assert [event["eventId"] for event in data["events"]] == [f"e{number}" for number in range(1_231, 1_251)]
    assert spent == Spent(plain.reads + 3, plain.writes, 0, plain.exchanges + 3, plain.waits + 2)

    data, spent = spend("b1", "ben", "subscribeToDeals", {"topic": "rare", "recent": 20})
    again = spend("b1", "ben", "subscribeToDeals", {"topic": "rare", "recent": 20})[1]
    assert data["events"] == []
    assert again == Spent(plain.reads + 12, plain.writes, 0, plain.exchanges + 12, plain.waits + 4)


def test_get_events_writes_nothing_but_its_count_and_needs_no_record(spend, history):
    data, spent = spend("x", "ann", "getEvents", {"topic": "books", "recent": 20})
    assert (len(data["events"]), data["recovered"]) == (20, True)
    assert spent == Spent(3, 0, 0, exchanges=4, waits=3)

    newest = data["position"]
    data, spent = spend("x", "ann", "getEvents", {"topic": "books", "since": newest})
    assert (data["events"], data["position"], data["recovered"]) == ([], newest, True)
    assert spent == Spent(3, 0, 0, exchanges=4, waits=4)

    data, spent = spend("x", "ann", "getEvents", {"topic": "books", "since": newest - 50})
    assert len(data["events"]) == 50
    assert spent == Spent(4, 0, 0, exchanges=5, waits=5)


@pytest.mark.parametrize(("action", "data"), [("getStatus", {}), ("subscribeToDeals", {"topic": "books"})])
def test_action_after_a_refresh_finds_the_newer_expiry_in_the_read_that_it_makes_anyway(spend, action, data):
    spend("a1", "ann", "subscribeToDeals", {"topic": "books"})
    first = spend("a1", "ann", action, data)[1]
    # The context has the expiry of the token that opened the connection; the record has a newer one.
    assert spend("a1", "ann", action, data, token_exp=NOW - 3600)[1] == first


def test_refused_action_takes_no_exchange_if_the_process_knows_that_there_is_no_token(spend):
    for _ in range(FEW.burst):
        spend("a1", "ann", "getStatus", {})
    refused, spent = spend("a1", "ann", "getStatus", {})
    assert refused["details"] == {"retryAfterMs": 1000}
    assert spent == Spent(0, 0, 0, exchanges=0, waits=0)


def test_refused_action_leaves_no_read_under_way(dynamodb, spend):
    """Another process took the last token: the reads were sent together with the refused write."""
    elsewhere = DynamoLimiter(dynamodb, "limits")
    for _ in range(FEW.burst):
        elsewhere.take("ann#others", FEW, NOW)

    refused, spent = spend("a1", "ann", "getStatus", {})

    assert refused["code"] == "RATE_LIMITED"
    assert spent == Spent(2, 0, 0, exchanges=3, waits=1)
    assert dynamodb.under_way == set()


def test_send_message_takes_one_query_one_write_and_a_post_for_each_connection(spend):
    spent = spend("a1", "ann", "sendMessage", {"recipientId": "ben", "content": "hi"})[1]
    assert spent == Spent(1, 1, 2, exchanges=5, waits=3)


def test_a_repeated_message_takes_one_write_and_no_post(spend):
    spend("a1", "ann", "sendMessage", {"recipientId": "ben", "content": "hi"})
    spent = spend("a1", "ann", "sendMessage", {"recipientId": "ben", "content": "hi"})[1]
    assert spent == Spent(0, 1, 0, exchanges=2, waits=2)


def test_a_repeated_message_that_another_process_stored_takes_a_read_and_no_post(spend, dynamo_stores):
    dynamo_stores.messages.put(message(content="hi"), "sendMessage-a1")
    # The entry, which the recipient has not acknowledged: the queue pushes it.
    spent = spend("a1", "ann", "sendMessage", {"recipientId": "ben", "content": "hi"})[1]
    assert spent == Spent(1, 1, 0, exchanges=3, waits=3)


def test_an_inbox_page_takes_one_query(spend):
    assert spend("b1", "ben", "getMessages", {})[1] == Spent(1, 0, 0, exchanges=2, waits=2)


@pytest.mark.parametrize(("kind", "reads"), [("delivered", 1), ("read", 2)])
def test_an_acknowledgement_takes_one_write_and_tells_the_sender(spend, kind, reads):
    sent, _ = spend("a1", "ann", "sendMessage", {"recipientId": "ben", "content": "hi"})
    # One query for the sender; `read` reads the entry too, because a transaction returns nothing.
    spent = spend("b1", "ben", "notificationAck", {"messageId": sent["messageId"], "type": kind})[1]
    assert spent == Spent(reads, 1, 1, exchanges=reads + 3, waits=reads + 2)


@pytest.mark.parametrize("kind", ["read", "delivered"])
def test_anothers_message_costs_as_much_as_one_that_never_was(spend, kind):
    """So the time of the answer does not tell whether a guessed id exists."""
    sent, _ = spend("a1", "ann", "sendMessage", {"recipientId": "ben", "content": "hi"})
    answers = [
        spend("a1", "ann", "notificationAck", {"messageId": message_id, "type": kind}, code="NOT_FOUND")
        for message_id in (sent["messageId"], sent["messageId"][::-1])
    ]
    assert [data["code"] for data, _ in answers] == ["NOT_FOUND", "NOT_FOUND"]
    assert answers[0][1] == answers[1][1]


@pytest.mark.parametrize(
    ("action", "data"),
    [
        ("getPresence", {"users": ["{}"]}),
        ("sendMessage", {"recipientId": "{}", "content": "hi"}),
        ("subscribeToDeals", {"topic": "private.{}"}),
        ("getEvents", {"topic": "private.{}", "recent": 5}),
    ],
)
def test_what_a_token_does_not_permit_is_refused_before_any_store_is_asked_about_it(spend, action, data):
    """Ben is online, `nobody` does not exist: nothing differs, neither calls nor answers."""
    answers = [
        spend(
            "a1",
            "ann",
            action,
            json.loads(json.dumps(data).replace("{}", name)),
            code="FORBIDDEN",
            topics="books",
            recipients="carol",
        )
        for name in ("ben", "nobody")
    ]
    (ben, spent), (nobody, spent_for_nobody) = answers
    assert json.dumps(ben).replace("ben", "nobody") == json.dumps(nobody)
    assert (spent, spent.writes, spent.posts) == (spent_for_nobody, 0, 0)


@pytest.mark.parametrize("count", [1, 50])
def test_presence_takes_a_read_for_each_user(spend, count):
    users = ["ben", *(f"user-{number}" for number in range(count - 1))]
    presence, spent = spend("a1", "ann", "getPresence", {"users": users})
    assert {user for user, is_ in presence["users"].items() if is_["online"]} == {"ben"}
    # The waits are counted for one thread; up to eight queries are under way together.
    assert spent == Spent(count, 0, 0, exchanges=1 + count, waits=1 + count)


def test_a_refresh_takes_one_read_and_one_write(spend):
    spent = spend("a1", "ann", "refreshToken", {"token": token("ann")})[1]
    assert spent == Spent(1, 1, 0, exchanges=3, waits=3)


def test_a_refresh_that_changes_the_recipients_marks_two_buckets(spend):
    spent = spend("a1", "ann", "refreshToken", {"token": token("ann", recipients=["ben"])})[1]
    # The first mark meets a bucket that expires sooner, or none; so does the second.
    assert spent == Spent(1, 1, 0, exchanges=5, waits=5)


def test_a_message_reads_the_record_only_after_the_recipients_were_changed_by_a_refresh(spend):
    data = {"recipientId": "ben", "content": "hi"}
    spend("a1", "ann", "refreshToken", {"token": token("ann", topics=["books"])})
    assert spend("a1", "ann", "sendMessage", data)[1] == Spent(1, 1, 2, exchanges=5, waits=3)
    spend("a1", "ann", "refreshToken", {"token": token("ann", 7300, recipients=["ben"])})
    again = {**data, "content": "hello"}
    assert spend("a1", "ann", "sendMessage", again, request_id="r-2")[1] == Spent(
        2, 1, 2, exchanges=6, waits=4
    )


def test_a_refresh_that_ends_subscriptions_takes_a_write_for_each_and_one_post(spend):
    for topic in ("a", "b", "c"):
        spend("a1", "ann", "subscribeToDeals", {"topic": topic})
    spent = spend("a1", "ann", "refreshToken", {"token": token("ann", topics=["a"])})[1]
    # The limiter and its mark, the revocations, the record, what ended, what stays, and a frame that tells.
    assert spent == Spent(1, 4, 1, exchanges=8, waits=7)
