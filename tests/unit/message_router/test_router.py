"""The router: rate limits, and the tokens that may extend a connection."""

import json
import time
from types import SimpleNamespace

import pytest

from deals_ops.token_issuer import issue_token
from message_router import handler
from message_router.action_limits import ActionLimits
from message_router.actions import Actions
from message_router.limits import Limit
from message_router.memory import MemoryConnectionLookup, MemoryLimiter
from message_router.router import Incoming, Router
from realtime_core.auth.base import Revocation
from realtime_core.auth.memory import MemoryRevocations, MemorySigningSecrets
from realtime_core.auth.permissions import UNRESTRICTED, encode_permissions
from realtime_core.auth.tokens import TokenRules
from realtime_core.auth.verifier import TokenVerifier
from realtime_core.connections.base import Connection
from realtime_core.connections.memory import MemoryConnections
from realtime_core.connections.schedule import REFRESHED
from realtime_core.errors import TokenRefused
from realtime_core.history.memory import MemoryHistory
from realtime_core.lifetimes import HANDSHAKE_SECONDS_MAX
from realtime_core.messages.memory import MemoryMessages
from realtime_core.push.memory import MemoryDeliveries, MemoryManagementApi
from realtime_core.push.pusher import Pusher
from realtime_core.subscriptions.memory import MemorySubscriptions

NOW = 1_795_382_480
SECRET, OLD_SECRET = "s" * 32, "o" * 32
ACTIONS = {
    "subscribeToDeals": {},
    "unsubscribeFromDeals": {},
    "getEvents": {"recent": 5},
    "sendMessage": {"recipientId": "ben", "content": "hi"},
    "getMessages": {},
    "notificationAck": {"messageId": "01JZZZZZZZZZZZZZZZZZZZZZZZ"},
    "getStatus": {},
    "getPresence": {"users": ["ben"]},
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
        self.subscriptions = subscriptions
        limits = ActionLimits(
            self.limiter,
            send_message=Limit(1, 2),
            subscriptions=Limit(1, 3),
            get_events=Limit(1, 5),
            others=Limit(1, 4),
            new_filters=Limit(0.1, 2),
        )
        actions = Actions(
            connections=self.connections,
            subscriptions=subscriptions,
            messages=MemoryMessages(),
            history=history,
            lookup=MemoryConnectionLookup(self.connections, history),
            verifier=TokenVerifier(TokenRules(), self.secrets, None),
            revocations=self.revocations,
            pusher=Pusher(
                self.management_api,
                self.connections,
                subscriptions,
                self.deliveries,
                now=lambda: self.now,
            ),
            now=lambda: self.now,
            entropy=lambda count: b"x" * count,
            take_new_filter=limits.take_new_filter,
            mark_refreshed=limits.mark_refreshed,
        )
        self.router = Router(actions, self.connections, limits, lambda: self.now)
        self.connections.add(Connection("c1", "ann", NOW, NOW + 3600, issued_at=NOW, token_id="t-1"))

    def ask(self, action, data=None, user_id="ann", connection_id="c1", **times):
        """The reply to an action; `token_exp` is of the handshake's token, `received_ms` the request's."""
        body = json.dumps({"action": action, "data": ACTIONS.get(action, {}) if data is None else data})
        context = {"userId": user_id, "tokenExp": str(times.get("token_exp", NOW + 3600))}
        context |= encode_permissions(times.get("permissions", UNRESTRICTED))
        at = times.get("received_ms", round(self.now * 1000))
        return json.loads(self.router.reply(Incoming(body, connection_id, "id", context, at)))

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
def test_message_to_a_connection_that_answers_gone_is_queued_if_it_may_still_open(harness, age_seconds, kept):
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
        ("getEvents", "getEvents", 5),
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


HEARTBEATS = {
    "bare": '{"action":"keepAlive"}',
    "with-data": '{"action":"keepAlive","data":{"colour":"red"}}',
    "data-not-an-object": '{"action":"keepAlive","data":[1,"two"]}',
    "request-id-not-valid": '{"action":"keepAlive","requestId":5}',
    "number-too-large": '{"action":"keepAlive","data":1e999}',
    "lone-surrogate": '{"action":"keepAlive","data":"\\ud800"}',
}


@pytest.mark.parametrize("body", HEARTBEATS.values(), ids=HEARTBEATS)
def test_keep_alive_without_a_route_of_its_own_is_never_answered_with_an_error(harness, body):
    """By `$default`, whose route response sends a frame in any case."""
    expired = {"userId": "ann", "tokenExp": str(NOW - 3600)}

    reply = json.loads(harness.router.reply(Incoming(body, "unknown", "id", expired, NOW * 1000)))

    assert reply == {"type": "pong", "data": {}, "timestamp": NOW}
    assert not harness.limiter.full_at


def test_keep_alive_without_a_route_of_its_own_repeats_the_request_id(harness):
    body = '{"action":"keepAlive","data":null,"requestId":"c-1"}'
    assert json.loads(harness.router.reply(Incoming(body, "c1", "id", {}, 0)))["requestId"] == "c-1"


def test_other_action_that_mentions_keep_alive_is_performed(harness):
    message = {"recipientId": "ben", "content": '{"action":"keepAlive"}'}
    assert harness.ask("sendMessage", message)["type"] == "messageSent"


def test_every_action_but_ping_is_counted(harness):
    for number, action in enumerate(ACTIONS):
        harness.ask(action, user_id=f"user-{number}")
    counted = [bucket for bucket in harness.limiter.full_at if not bucket.endswith("#newFilters")]
    assert len(counted) == len(ACTIONS)
    for _ in range(100):
        assert harness.ask("ping", user_id="pinger")["type"] == "pong"
    counted = [bucket for bucket in harness.limiter.full_at if not bucket.endswith("#newFilters")]
    assert len(counted) == len(ACTIONS)


def test_a_user_is_counted_over_all_connections_and_no_other_user_is(harness):
    harness.connections.add(Connection("c2", "ann", NOW, NOW + 3600))
    assert code(harness.ask("sendMessage")) is None
    assert code(harness.ask("sendMessage", connection_id="c2")) is None
    assert code(harness.ask("sendMessage", connection_id="c2")) == "RATE_LIMITED"
    assert code(harness.ask("sendMessage", user_id="ben")) is None


def test_a_request_is_counted_before_it_is_parsed(harness, monkeypatch):
    """A filter may take long to parse, so a flood of them must not be free because they are wrong."""
    wrong = {"filters": {"price": {"nearly": 3}}}
    for _ in range(3):
        assert code(harness.ask("subscribeToDeals", wrong)) == "VALIDATION_ERROR"

    monkeypatch.setattr("message_router.router.parse_action", None)
    assert code(harness.ask("subscribeToDeals", wrong)) == "RATE_LIMITED"


def test_what_is_refused_by_its_envelope_is_not_counted(harness):
    for action in ("dance", "", "$connect"):
        assert code(harness.ask(action)) == "VALIDATION_ERROR"
    assert json.loads(harness.router.reply(Incoming("[]", "c1", "id", {}, 0)))["type"] == "error"
    assert harness.limiter.full_at == {}


def test_a_user_beyond_the_limit_reads_no_store(harness):
    """Not even with a token that has expired, for which the record is read."""
    for _ in range(4):
        harness.ask("getStatus")
    harness.connections.down = True
    assert code(harness.ask("getStatus", token_exp=NOW - 60)) == "RATE_LIMITED"


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize(("ago", "refused"), [(-1, False), (29, False), (30, True), (31, True)])
def test_an_action_has_the_leeway_of_the_handshake(harness, action, ago, refused):
    verifier = TokenVerifier(TokenRules(), harness.secrets, None)
    token = issue_token("ann", SECRET, NOW, exp=NOW - ago, iat=NOW - 99)
    opens = True
    try:
        verifier.identify(token, NOW)
    except TokenRefused:
        opens = False
    assert opens is not refused

    harness.connections.records["c1"] = harness.record()._replace(token_exp=NOW - ago)
    reply = harness.ask(action, token_exp=NOW - ago)
    said = "expired" in reply["data"].get("message", "")
    assert said is (refused and action != "refreshToken")


def test_the_leeway_of_actions_is_the_settings(harness):
    strict = Router(harness.router._actions, harness.connections, harness.router._limits, lambda: NOW, 0)
    context = {"userId": "ann", "tokenExp": str(NOW)}
    harness.connections.records["c1"] = harness.record()._replace(token_exp=NOW)
    reply = json.loads(strict.reply(Incoming('{"action":"getStatus"}', "c1", "id", context, 0)))
    assert code(reply) == "AUTHENTICATION_ERROR"


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 3, 1), (2, 1, 3)])
def test_the_subscription_received_last_is_in_force_and_every_reply_is_its_own(harness, order):
    """As if they had been worked off in their order: the earlier one is confirmed, and then replaced."""
    asked = {1: {"price": 1}, 2: None, 3: {"price": 3}}
    for at in order:
        action = "unsubscribeFromDeals" if asked[at] is None else "subscribeToDeals"
        data = {"topic": "a"} if asked[at] is None else {"topic": "a", "filters": asked[at]}
        reply = harness.ask(action, data, received_ms=NOW * 1000 + at)
        assert reply["type"] in {"subscriptionConfirmed", "unsubscriptionConfirmed"}
        assert reply["data"].get("filters") == asked[at]
    assert [item.filter for item in harness.record().subscriptions.values()] == ['{"price":3}']


@pytest.mark.parametrize("action", ["subscribeToDeals", "unsubscribeFromDeals", "getStatus", "refreshToken"])
def test_a_connection_without_a_record_is_told_to_reconnect(harness, action):
    harness.connections.remove("c1")
    data = {"token": issue_token("ann", SECRET, NOW, 7200)} if action == "refreshToken" else {}
    reply = harness.ask(action, data)
    assert code(reply) == "CONNECTION_ERROR"
    assert "reconnect" in reply["data"]["message"]


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


@pytest.mark.parametrize(
    ("connected_at", "expected"),
    [
        pytest.param(NOW - 60, NOW + 3600 - 90, id="when-the-new-token-is-to-be-warned-of"),
        pytest.param(None, REFRESHED, id="by-the-next-run-if-the-age-is-not-known"),
    ],
)
def test_refresh_sets_the_due_time_of_the_record(harness, connected_at, expected):
    harness.connections.add(Connection("c2", "ann", NOW - 60, NOW + 600, issued_at=NOW - 60))
    body = json.dumps({"action": "refreshToken", "data": {"token": issue_token("ann", SECRET, NOW, 3600)}})
    context = {"userId": "ann", "tokenExp": str(NOW + 600)}

    harness.router.reply(Incoming(body, "c2", "id", context, NOW * 1000, connected_at))

    assert harness.connections.schedule["c2"].due_at == expected


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


@pytest.mark.parametrize("revoked", [Revocation("ann", NOW, NOW), Revocation("ann", NOW, NOW, "t-1")])
def test_refresh_by_a_good_token_replaces_a_revoked_one_that_lives_longer(harness, revoked):
    """Else the connection is closed for the token that it no longer needs."""
    harness.ask("subscribeToDeals", {"topic": "a"})
    harness.revocations.revoke(revoked)
    good = issue_token("ann", SECRET, NOW + 1, 600, jti="t-2")

    assert harness.refresh(good)["data"] == {"expiresAt": NOW + 601}

    record = harness.record()
    assert (record.token_exp, record.token_id) == (NOW + 601, "t-2")
    assert not harness.revocations.refusal("ann", record.token_id, record.issued_at)
    [group] = harness.subscriptions.groups("a", NOW)
    assert [members for _, members in harness.subscriptions.members([group], NOW + 600)] == [["c1"]]
    assert [members for _, members in harness.subscriptions.members([group], NOW + 601)] == [[]]


def test_refresh_where_revocations_cannot_be_read_is_our_fault_and_changes_nothing(harness):
    before = harness.record()
    harness.revocations.down = True
    assert code(harness.refresh(issue_token("ann", SECRET, NOW, 7200))) == "INTERNAL_ERROR"
    assert harness.record() == before


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_handler_takes_the_order_from_api_gateways_times(harness, monkeypatch, order):
    monkeypatch.setattr(handler, "_router", lambda: harness.router)
    for at in order:
        request = {
            "connectionId": "c1",
            "requestId": "gw",
            "requestTimeEpoch": NOW * 1000 + at,
            "authorizer": {"userId": "ann", "tokenExp": str(NOW + 3600)},
        }
        body = json.dumps({"action": "subscribeToDeals", "data": {"filters": {"price": at}}})
        handler.handler({"body": body, "requestContext": request}, None)
    assert harness.record().subscriptions["all-deals"].filter == '{"price":2}'


def test_handler_passes_on_what_api_gateway_says_of_the_connection(harness, monkeypatch):
    passed = []
    monkeypatch.setattr(handler, "_router", lambda: SimpleNamespace(reply=passed.append))
    request = {"connectionId": "c1", "requestId": "gw", "requestTimeEpoch": 1_795_382_480_999}
    handler.handler({"body": "{}", "requestContext": {**request, "connectedAt": 1_795_382_000_999}}, None)
    handler.handler({"requestContext": {"connectionId": "c1", "requestId": "gw"}}, None)

    first, bare = passed
    assert (first.connected_at, first.received_ms, first.body) == (1_795_382_000, 1_795_382_480_999, "{}")
    assert (bare.connected_at, bare.body, bare.authorizer) == (None, None, {})
    assert abs(bare.received_ms - time.time() * 1000) < 60_000


def test_user_with_too_many_new_filters_learns_when_to_try_again(harness):
    def subscribe(wanted, user_id="ann", connection_id="c1"):
        harness.now += 1
        data = {"topic": "a", "filters": {"x": wanted}}
        return harness.ask("subscribeToDeals", data, user_id, connection_id)

    assert [subscribe(wanted)["type"] for wanted in (1, 2)] == ["subscriptionConfirmed"] * 2
    refused = subscribe(3)

    assert (refused["type"], refused["data"]["code"]) == ("error", "SUBSCRIPTION_ERROR")
    assert refused["data"]["details"] == {"reason": "too_many_new_filters", "retryAfterMs": 8000}
    assert subscribe(1)["type"] == "subscriptionConfirmed", "a filter that is in use takes no token"

    harness.connections.add(Connection("b1", "ben", NOW, NOW + 3600))
    assert subscribe(3, "ben", "b1")["type"] == "subscriptionConfirmed", "each user has a bucket"
    assert subscribe(3)["type"] == "subscriptionConfirmed", "and it is in use by now"
    harness.now += 8
    assert subscribe(4)["type"] == "subscriptionConfirmed"


def test_new_filter_that_cannot_be_counted_is_allowed(harness):
    harness.limiter.down = True
    replies = [harness.ask("subscribeToDeals", {"filters": {"x": number}})["type"] for number in range(9)]
    assert replies == ["subscriptionConfirmed"] * 9
