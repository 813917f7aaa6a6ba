"""What a token permits, on every action that it bounds, and the permissions that a refresh brings."""

import json

import pytest

from deals_ops.token_issuer import issue_token
from message_router.router import Incoming
from realtime_core.auth.permissions import Permissions
from realtime_core.connections.base import Connection
from realtime_core.wire.topics import ALL_DEALS
from tests.unit.message_router.test_router import NOW, SECRET, RouterHarness

TEAM = Permissions(("private.team-42", "books.*"), ("ben", "support:*"))
DETAILS = {"reason": "recipient", "recipientId": "carol"}


class PermittedHarness(RouterHarness):
    """A router with Ann's connection, whose handshake had the permissions."""

    def __init__(self, permissions):
        super().__init__()
        self.of_handshake = permissions
        self.connections.records["c1"] = self.record()._replace(permissions=permissions)

    def ask(self, action, data=None, **more):
        """The reply to an action, with a minute between two, so that no limit is reached."""
        self.now += 60
        return super().ask(action, data, **{"permissions": self.of_handshake, **more})

    def refresh_to(self, seconds=7200, **claims):
        """The reply to a refresh by a token with these claims."""
        return self.refresh(issue_token("ann", SECRET, int(self.now), seconds, **claims))

    def send(self, recipient, **more):
        """The code of the reply to a message, None if it was sent."""
        reply = self.ask("sendMessage", {"recipientId": recipient, "content": "hi"}, **more)
        assert reply["type"] == "messageSent" or recipient in str(reply["data"]["details"])
        return reply["data"].get("code")

    def subscribe(self, topic):
        return self.ask("subscribeToDeals", {"topic": topic})

    def told(self):
        """The frames that were pushed to the connection."""
        frames = [json.loads(text) for text in self.management_api.received.get("c1", [])]
        return [part for item in frames for part in item["data"].get("frames", [item])]


@pytest.fixture
def harness():
    return PermittedHarness(TEAM)


def test_subscribe_beyond_the_token_is_forbidden_and_names_the_topic(harness, published):
    for topic in (ALL_DEALS, "books", "private.team-4", "private"):
        reply = harness.subscribe(topic)
        assert reply["data"]["code"] == "FORBIDDEN"
        assert reply["data"]["details"] == {"reason": "topic", "topic": topic}
    assert harness.record().subscriptions == {}
    for topic in ("private.team-42", "books.new"):
        assert harness.subscribe(topic)["type"] == "subscriptionConfirmed"
    counted = published()
    assert (
        counted["Forbidden", "topic"] == counted["Forbidden",] == [1] * 4 or sum(counted["Forbidden",]) == 4
    )


def test_message_beyond_the_token_is_forbidden_and_names_the_recipient(harness, published):
    reply = harness.ask("sendMessage", {"recipientId": "carol", "content": "hi"})
    assert (reply["data"]["code"], reply["data"]["details"]) == ("FORBIDDEN", DETAILS)
    assert harness.send("support:1") is None
    assert harness.send("support") == "FORBIDDEN"
    assert sum(published()["Forbidden", "recipient"]) == 2


def test_presence_is_told_of_permitted_recipients_alone(harness):
    harness.connections.add(Connection("b1", "ben", NOW, NOW + 36_000))
    reply = harness.ask("getPresence", {"users": ["ben", "support:1"]})
    expected = {"users": {"ben": {"online": True}, "support:1": {"online": False}}}
    assert (reply["type"], reply["data"]) == ("presence", expected)

    harness.connections.count_of_user = None
    refused = harness.ask("getPresence", {"users": ["ben", "carol", "dora"]})
    assert (refused["data"]["code"], refused["data"]["details"]) == ("FORBIDDEN", DETAILS)


def test_presence_is_held_to_the_recipients_of_a_refresh(harness):
    harness.refresh_to(recipients=["carol"])
    assert harness.ask("getPresence", {"users": ["carol"]})["type"] == "presence"
    assert harness.ask("getPresence", {"users": ["ben"]})["data"]["code"] == "FORBIDDEN"


def test_presence_has_a_limit_of_its_own(harness):
    harness.now += 60
    asked = [
        RouterHarness.ask(harness, "getPresence", {"users": ["ben"]}, permissions=TEAM)["type"]
        for _ in range(11)
    ]
    assert asked == ["presence"] * 10 + ["error"]
    assert RouterHarness.ask(harness, "getStatus", permissions=TEAM)["type"] == "statusUpdate"


def test_token_with_no_recipients_writes_to_nobody():
    harness = PermittedHarness(Permissions(None, ()))
    assert harness.send("ben") == "FORBIDDEN"
    assert harness.send("ann") == "FORBIDDEN"
    assert harness.subscribe(ALL_DEALS)["type"] == "subscriptionConfirmed"


def test_record_decides_where_the_context_is_missing(harness):
    body = json.dumps({"action": "sendMessage", "data": {"recipientId": "carol", "content": "hi"}})
    reply = json.loads(harness.router.reply(Incoming(body, "c1", "id", {}, NOW * 1000)))
    assert reply["data"]["details"] == DETAILS


def test_message_by_the_context_reads_no_record(harness):
    harness.connections.get = None
    assert harness.send("ben") is None
    assert harness.send("carol") == "FORBIDDEN"


def test_refresh_brings_the_recipients_of_the_new_token_at_once(harness):
    assert harness.refresh_to(topics=["books.*"], recipients=["carol"])["type"] == "tokenRefreshed"
    assert harness.send("carol") is None
    assert harness.send("ben") == "FORBIDDEN"

    assert harness.refresh_to(seconds=9000)["type"] == "tokenRefreshed"
    assert harness.send("anybody") is None


def test_refresh_to_a_narrower_token_holds_where_the_context_permits_everything():
    harness = PermittedHarness(Permissions())
    assert harness.send("carol") is None
    harness.refresh_to(recipients=[])
    assert harness.send("carol") == "FORBIDDEN"


def test_refresh_that_cannot_be_noted_is_our_fault_and_changes_nothing(harness):
    before = harness.record()
    harness.limiter.down = True
    reply = harness.refresh_to(recipients=["carol"])
    assert reply["data"]["code"] == "INTERNAL_ERROR"
    assert harness.record() == before


def test_while_actions_cannot_be_counted_the_record_decides(harness):
    harness.refresh_to(recipients=["carol"])
    harness.limiter.down = True
    assert harness.send("carol") is None
    assert harness.send("ben") == "FORBIDDEN"


def test_refresh_with_the_same_recipients_is_noted_nowhere(harness):
    harness.refresh_to(topics=["books.*"], recipients=["ben", "support:*"])
    harness.connections.get = None
    assert harness.send("ben") is None


@pytest.mark.parametrize("seconds", [7200, 600], ids=["lives-longer", "lives-shorter"])
def test_refresh_ends_what_the_new_token_does_not_cover_and_tells(seconds):
    harness = PermittedHarness(Permissions())
    for topic in (ALL_DEALS, "books.new", "tools"):
        harness.subscribe(topic)

    reply = harness.refresh_to(seconds, topics=["books.*"])

    assert reply["data"] == {"expiresAt": int(harness.now) - 60 + seconds}
    assert set(harness.record().subscriptions) == {"books.new"}
    assert [(frame["type"], frame["data"]) for frame in harness.told()] == [
        ("subscriptionEnded", {"topic": topic, "reason": "permissions"}) for topic in (ALL_DEALS, "tools")
    ]
    status = harness.ask("getStatus", token_exp=NOW + 9000)["data"]
    assert [item["topic"] for item in status["subscriptions"]] == ["books.new"]
    [group] = harness.subscriptions.groups("books.new", NOW)
    until = harness.record().token_exp
    assert [ids for _, ids in harness.subscriptions.members([group], until - 1)] == [["c1"]]
    assert [ids for _, ids in harness.subscriptions.members([group], until)] == [[]]


def test_refresh_whose_client_cannot_be_told_ends_them_all_the_same():
    harness = PermittedHarness(Permissions())
    harness.subscribe("tools")
    harness.management_api.down = harness.deliveries.down = True
    assert harness.refresh_to(topics=["books.*"])["type"] == "tokenRefreshed"
    assert harness.record().subscriptions == {}


def test_of_two_tokens_that_permit_the_same_the_one_that_lives_longer_stays(harness):
    claims = {"topics": list(TEAM.topics), "recipients": list(TEAM.recipients)}
    harness.refresh_to(9000, jti="long", **claims)
    harness.refresh_to(600, jti="short", **claims)
    assert harness.record().token_id == "long"


def test_permissions_never_outlive_the_token_that_has_them(harness):
    """A wide token that lives shorter replaces the narrow one, expiry and all."""
    harness.refresh_to(600, jti="wide")
    record = harness.record()
    assert (record.token_id, record.permissions) == ("wide", Permissions())
    assert record.token_exp == int(harness.now) - 60 + 600 < NOW + 3600


def test_token_issued_in_the_same_second_with_the_same_end_brings_its_permissions():
    harness = PermittedHarness(Permissions())
    same = {"seconds": 3600, "iat": NOW, "exp": NOW + 3600, "jti": "t-1"}
    assert harness.refresh_to(**same, recipients=[])["type"] == "tokenRefreshed"
    assert harness.record().permissions == Permissions(None, ())


@pytest.mark.parametrize(
    ("claims", "user", "reason"),
    [
        ({"exp": NOW - 60, "iat": NOW - 99}, "ann", "expired"),
        ({"scope": "profile"}, "ann", "invalid"),
        ({"topics": "books"}, "ann", "invalid"),
        ({}, "ben", "other_user"),
    ],
)
def test_refused_refresh_names_the_kind_of_cause_and_changes_nothing(harness, claims, user, reason):
    before = harness.record()
    reply = harness.refresh(issue_token(user, SECRET, NOW, 7200, **claims))
    assert (reply["data"]["code"], reply["data"]["details"]) == ("AUTHENTICATION_ERROR", {"reason": reason})
    assert harness.record() == before


def test_expired_token_is_named_as_the_cause(harness):
    harness.connections.records["c1"] = harness.record()._replace(token_exp=NOW - 60)
    reply = harness.ask("getStatus", token_exp=NOW - 60)
    assert reply["data"]["details"] == {"reason": "expired"}


def test_after_the_context_has_expired_the_record_has_the_recipients(harness):
    harness.refresh_to(7200 * 2, recipients=["carol"])
    harness.now = NOW + 3700
    harness.limiter._marked_until.clear()
    assert harness.send("carol") is None
    assert harness.send("ben") == "FORBIDDEN"


def look(harness, topic):
    """The code of a look back's refusal, or None."""
    return harness.ask("getEvents", {"topic": topic, "recent": 5})["data"].get("code")


def test_look_back_is_held_to_the_topics_of_the_token_and_reads_no_record(harness):
    harness.connections.get = None
    assert look(harness, "books.new") is None
    assert [look(harness, topic) for topic in ("tools", ALL_DEALS, "private.other")] == ["FORBIDDEN"] * 3


def test_look_back_after_a_refresh_goes_by_the_topics_of_the_new_token(harness):
    harness.refresh_to(topics=["tools"], recipients=list(TEAM.recipients))
    assert look(harness, "tools") is None
    assert look(harness, "books.new") == "FORBIDDEN"
    harness.connections.get = None
    assert harness.send("ben") is None, "the recipients are the same, so a message reads no record"


def test_another_users_connection_is_not_bounded_by_it(harness):
    harness.connections.add(Connection("b1", "ben", NOW, NOW + 3600))
    data = {"recipientId": "carol", "content": "hi"}
    reply = harness.ask("sendMessage", data, user_id="ben", connection_id="b1", permissions=Permissions())
    assert reply["type"] == "messageSent"
