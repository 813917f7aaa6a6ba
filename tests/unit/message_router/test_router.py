"""The router: rate limits, and the tokens that may extend a connection."""

import json

import pytest

from deals_ops.token_issuer import issue_token
from message_router.action_limits import ActionLimits
from message_router.actions import Actions
from message_router.limits import Limit
from message_router.memory import MemoryConnectionLookup, MemoryLimiter
from message_router.router import Incoming, Router
from realtime_core.auth.base import Revocation
from realtime_core.auth.memory import MemoryRevocations, MemorySigningSecrets
from realtime_core.auth.tokens import TokenRules
from realtime_core.auth.verifier import TokenVerifier
from realtime_core.connections.base import Connection
from realtime_core.connections.memory import MemoryConnections
from realtime_core.history.memory import MemoryHistory
from realtime_core.lifetimes import HANDSHAKE_SECONDS_MAX
from realtime_core.messages.memory import MemoryMessages
from realtime_core.push import pusher
from realtime_core.push.memory import MemoryDeliveries, MemoryManagementApi
from realtime_core.push.pusher import Pusher
from realtime_core.subscriptions.memory import MemorySubscriptions

NOW = 1_795_382_480
SECRET, OLD_SECRET = "s" * 32, "o" * 32
ACTIONS = {
    "subscribeToDeals": {},
    "unsubscribeFromDeals": {},
    "sendMessage": {"recipientId": "ben", "content": "hi"},
    "getMessages": {},
    "notificationAck": {"messageId": "01JZZZZZZZZZZZZZZZZZZZZZZZ"},
    "getStatus": {},
    "refreshToken": {"token": "rubbish"},
}


class RouterHarness:
    """A router on in-memory twins, with a clock that the test moves."""

    def __init__(self):
        self.now = float(NOW)
        self.connections, self.revocations = MemoryConnections(), MemoryRevocations()
        self.limiter, self.secrets = MemoryLimiter(), MemorySigningSecrets(SECRET, OLD_SECRET)
        self.management_api, self.deliveries = MemoryManagementApi(), MemoryDeliveries()
        subscriptions, history = MemorySubscriptions(self.connections), MemoryHistory()
        actions = Actions(
            connections=self.connections,
            subscriptions=subscriptions,
            messages=MemoryMessages(),
            history=history,
            lookup=MemoryConnectionLookup(self.connections, history),
            verifier=TokenVerifier(TokenRules(), self.secrets, None),
            revocations=self.revocations,
            pusher=Pusher(self.management_api, self.connections, subscriptions, self.deliveries),
            now=lambda: self.now,
            entropy=lambda count: b"x" * count,
        )
        limits = ActionLimits(
            self.limiter, send_message=Limit(1, 2), subscriptions=Limit(1, 3), others=Limit(1, 4)
        )
        self.router = Router(actions, self.connections, limits, lambda: self.now)
        self.connections.add(Connection("c1", "ann", NOW, NOW + 3600, issued_at=NOW, token_id="t-1"))

    def ask(self, action, data=None, user_id="ann", connection_id="c1", token_exp=NOW + 3600):
        body = json.dumps({"action": action, "data": ACTIONS.get(action, {}) if data is None else data})
        context = {"userId": user_id, "tokenExp": str(token_exp)}
        return json.loads(self.router.reply(Incoming(body, connection_id, "id", context)))

    def refresh(self, text):
        return self.ask("refreshToken", {"token": text})

    def record(self):
        return self.connections.get("c1")


@pytest.fixture
def harness():
    return RouterHarness()


@pytest.mark.parametrize(
    ("age_seconds", "kept"), [(1, True), (HANDSHAKE_SECONDS_MAX, False)], ids=["opening", "open-before"]
)
def test_message_to_a_connection_that_answers_gone_is_queued_if_it_may_still_open(
    harness, age_seconds, kept, monkeypatch
):
    monkeypatch.setattr(pusher.time, "time", lambda: harness.now)
    harness.connections.add(Connection("c2", "ben", NOW - age_seconds, NOW + 3600))
    harness.management_api.answers["c2"] = [410]

    assert harness.ask("sendMessage")["type"] == "messageSent"

    assert (harness.connections.get("c2") is not None) is kept
    assert [job.connection_ids for job in harness.deliveries.jobs] == ([("c2",)] if kept else [])


def code(reply):
    return reply["data"].get("code")


@pytest.mark.parametrize(
    ("action", "together", "burst"),
    [
        ("sendMessage", "sendMessage", 2),
        ("subscribeToDeals", "unsubscribeFromDeals", 3),
        ("getStatus", "getMessages", 4),
        ("notificationAck", "refreshToken", 4),
    ],
)
def test_actions_of_one_bucket_share_its_burst(harness, action, together, burst):
    for number in range(burst):
        assert code(harness.ask((action, together)[number % 2])) != "RATE_LIMITED"
    for name in (action, together):
        reply = harness.ask(name)
        assert code(reply) == "RATE_LIMITED"
        assert reply["data"]["details"] == {"retryAfterMs": 1000}
    harness.now += 1
    assert code(harness.ask(action)) != "RATE_LIMITED"


def test_every_action_but_ping_is_counted(harness):
    for number, action in enumerate(ACTIONS):
        harness.ask(action, user_id=f"user-{number}")
    assert len(harness.limiter.full_at) == len(ACTIONS)
    for _ in range(100):
        assert harness.ask("ping", user_id="pinger")["type"] == "pong"
    assert len(harness.limiter.full_at) == len(ACTIONS)


def test_a_user_is_counted_over_all_connections_and_no_other_user_is(harness):
    harness.connections.add(Connection("c2", "ann", NOW, NOW + 3600))
    assert code(harness.ask("sendMessage")) is None
    assert code(harness.ask("sendMessage", connection_id="c2")) is None
    assert code(harness.ask("sendMessage", connection_id="c2")) == "RATE_LIMITED"
    assert code(harness.ask("sendMessage", user_id="ben")) is None


def test_a_request_that_breaks_the_contract_is_refused_and_not_counted(harness):
    for _ in range(10):
        assert code(harness.ask("sendMessage", {})) == "VALIDATION_ERROR"
    assert harness.limiter.full_at == {}


def test_actions_are_allowed_while_they_cannot_be_counted_and_a_metric_counts_that(harness, published):
    harness.limiter.down = True
    for _ in range(10):
        assert harness.ask("getStatus")["type"] == "statusUpdate"
    assert published()["LimiterFailures",] == [10]


def test_refresh_carries_the_new_token_into_the_record(harness):
    reply = harness.refresh(issue_token("ann", SECRET, NOW, 7200, jti="t-2"))
    assert reply["data"] == {"expiresAt": NOW + 7200}
    record = harness.record()
    assert (record.token_exp, record.issued_at, record.token_id) == (NOW + 7200, NOW, "t-2")


def test_refresh_by_a_token_of_the_previous_secret_is_good_until_it_is_dropped(harness):
    old = issue_token("ann", OLD_SECRET, NOW, 7200)
    assert harness.refresh(old)["type"] == "tokenRefreshed"
    harness.secrets.keys = (SECRET,)
    assert code(harness.refresh(old)) == "AUTHENTICATION_ERROR"


def test_refresh_with_another_users_token_is_refused_and_changes_nothing(harness):
    before = harness.record()
    assert code(harness.refresh(issue_token("ben", SECRET, NOW, 7200))) == "AUTHENTICATION_ERROR"
    assert harness.record() == before


@pytest.mark.parametrize("revoked", [Revocation("ann", NOW, NOW), Revocation("ann", NOW, NOW, "t-2")])
def test_refresh_with_a_revoked_token_is_refused_and_changes_nothing(harness, revoked):
    before = harness.record()
    harness.revocations.revoke(revoked)
    assert code(harness.refresh(issue_token("ann", SECRET, NOW, 7200, jti="t-2"))) == "AUTHENTICATION_ERROR"
    assert harness.record() == before
    assert harness.refresh(issue_token("ann", SECRET, NOW + 1, 7200, jti="t-3"))["type"] == "tokenRefreshed"


@pytest.mark.parametrize("order", [(7200, 5000), (5000, 7200)])
def test_of_two_refreshes_that_cross_the_token_that_lives_longer_stays(harness, order):
    for seconds in order:
        reply = harness.refresh(issue_token("ann", SECRET, NOW, seconds, jti=f"t-{seconds}"))
        assert reply["type"] == "tokenRefreshed"
    assert (harness.record().token_exp, harness.record().token_id) == (NOW + 7200, "t-7200")


@pytest.mark.parametrize(("skew", "answer"), [(30, "tokenRefreshed"), (31, "error")])
def test_refresh_by_an_issuer_whose_clock_is_ahead_is_good_within_the_leeway(harness, skew, answer):
    assert harness.refresh(issue_token("ann", SECRET, NOW + skew, 7200))["type"] == answer


def test_refresh_where_revocations_cannot_be_read_is_our_fault_and_changes_nothing(harness):
    before = harness.record()
    harness.revocations.down = True
    assert code(harness.refresh(issue_token("ann", SECRET, NOW, 7200))) == "INTERNAL_ERROR"
    assert harness.record() == before
