"""What is stored is pushed: messages and their statuses, through outages and repeats."""

import json

import pytest

from message_router.action_limits import ActionLimits
from message_router.actions import Actions
from message_router.limits import Limit
from message_router.memory import MemoryConnectionLookup, MemoryLimiter
from message_router.message_actions import PUSH_BUDGET_SECONDS, PUSHED_MAX
from message_router.router import Incoming, Router
from realtime_core.auth.memory import MemoryRevocations, MemorySigningSecrets
from realtime_core.auth.tokens import TokenRules
from realtime_core.auth.verifier import TokenVerifier
from realtime_core.connections.base import Connection
from realtime_core.connections.memory import MemoryConnections
from realtime_core.errors import StoreUnavailable
from realtime_core.history.memory import MemoryHistory
from realtime_core.messages.memory import MemoryMessages
from realtime_core.push.memory import MemoryDeliveries, MemoryManagementApi
from realtime_core.push.pusher import Pusher
from realtime_core.subscriptions.memory import MemorySubscriptions

NOW = 1_795_382_480
MANY = Limit(10_000, 10_000)


class Killed(BaseException):
    """The function's process ends."""


class BrokenIndex(MemoryConnections):
    """Connections whose look-up by user fails while `broken`."""

    broken = False

    def of_user(self, user_id):
        if self.broken:
            raise StoreUnavailable("the index is down")
        return super().of_user(user_id)


class Conversation:
    """Ann on one connection, Ben on two, and processes of the router that share the stores."""

    def __init__(self):
        self.connections, self.messages = BrokenIndex(), MemoryMessages()
        self.management_api, self.deliveries = MemoryManagementApi(), MemoryDeliveries()
        self.subscriptions = MemorySubscriptions(self.connections)
        for connection_id, user_id in (("a1", "ann"), ("b1", "ben"), ("b2", "ben")):
            self.connections.add(Connection(connection_id, user_id, NOW, NOW + 3600))
        self.ids = 0
        self.restart()

    def pusher(self):
        return Pusher(
            self.management_api, self.connections, self.subscriptions, self.deliveries, now=lambda: NOW
        )

    def restart(self):
        """Go on in another process, which remembers nothing."""
        history = MemoryHistory()
        actions = Actions(
            connections=self.connections,
            subscriptions=self.subscriptions,
            messages=self.messages,
            history=history,
            lookup=MemoryConnectionLookup(self.connections, history),
            verifier=TokenVerifier(TokenRules(), MemorySigningSecrets("s" * 32), None),
            revocations=MemoryRevocations(),
            pusher=self.pusher(),
            now=lambda: NOW,
            entropy=self.entropy,
        )
        limits = ActionLimits(
            MemoryLimiter(), send_message=MANY, subscriptions=MANY, get_events=MANY, others=MANY
        )
        self.router = Router(actions, self.connections, limits, lambda: NOW)

    def entropy(self, count):
        self.ids += 1
        return self.ids.to_bytes(count, "big")

    def ask(self, user_id, action, request_id, **data):
        body = json.dumps({"action": action, "data": data, "requestId": request_id})
        context = {"userId": user_id, "tokenExp": str(NOW + 3600)}
        return json.loads(self.router.reply(Incoming(body, f"{user_id[0]}1", "id", context, NOW * 1000)))

    def send(self, request_id="r1", recipient="ben", content="hi", **more):
        return self.ask("ann", "sendMessage", request_id, recipientId=recipient, content=content, **more)

    def heard(self, connection_id):
        """The message ids that a connection received, with the types of their frames."""
        frames = [json.loads(payload) for payload in self.management_api.received.get(connection_id, [])]
        return [(frame["type"], frame["data"]["messageId"]) for frame in frames]

    def deliver(self):
        """Let the delivery function post what is queued."""
        jobs, self.deliveries.queued = self.deliveries.jobs, []
        return self.pusher().push_all(jobs, 5)


@pytest.fixture
def talk():
    return Conversation()


def test_a_message_whose_recipient_cannot_be_looked_up_is_pushed_by_the_queue(talk):
    talk.connections.broken = True
    reply = talk.send()
    assert reply["type"] == "messageSent"
    [job] = talk.deliveries.jobs
    assert (job.user_ids, job.connection_ids, job.priority) == (("ben",), (), "message")

    talk.connections.broken = False
    talk.deliver()

    expected = [("messageReceived", reply["data"]["messageId"])]
    assert talk.heard("b1") == talk.heard("b2") == expected
    assert talk.deliveries.jobs == []


def test_a_status_whose_sender_cannot_be_looked_up_is_pushed_by_the_queue(talk):
    message_id = talk.send()["data"]["messageId"]
    talk.connections.broken = True
    assert talk.ask("ben", "notificationAck", "r2", messageId=message_id)["type"] == "notificationAcked"

    talk.connections.broken = False
    talk.deliver()

    assert talk.heard("a1") == [("messageStatus", message_id)]


def test_a_look_up_that_fails_behind_the_queue_too_is_tried_again_later(talk):
    talk.connections.broken = True
    talk.send()

    [result] = talk.deliver()

    assert result.queued == 1
    [(job, delay)] = talk.deliveries.queued
    assert (job.user_ids, job.attempt) == (("ben",), 3)
    assert 0 <= delay <= 60


def test_a_message_that_not_even_the_queue_takes_is_pushed_by_its_repeat(talk):
    talk.connections.broken = talk.deliveries.down = True
    assert talk.send()["data"]["code"] == "INTERNAL_ERROR"
    talk.connections.broken = talk.deliveries.down = False

    reply = talk.send()
    talk.deliver()

    assert reply["type"] == "messageSent"
    assert talk.heard("b1") == [("messageReceived", reply["data"]["messageId"])]
    assert len(talk.messages.entries) == 1


def test_a_status_that_not_even_the_queue_takes_is_pushed_by_its_repeat(talk):
    message_id = talk.send()["data"]["messageId"]
    talk.connections.broken = talk.deliveries.down = True
    assert talk.ask("ben", "notificationAck", "r2", messageId=message_id)["data"]["code"] == "INTERNAL_ERROR"
    talk.connections.broken = talk.deliveries.down = False

    assert talk.ask("ben", "notificationAck", "r3", messageId=message_id)["type"] == "notificationAcked"

    assert talk.heard("a1") == [("messageStatus", message_id)]


@pytest.mark.parametrize("at", ["look-up", "post"])
def test_a_message_whose_function_dies_before_the_push_is_pushed_by_its_repeat(talk, monkeypatch, at):
    def die(*_):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(
            *{"look-up": (talk.connections, "of_user"), "post": (talk.management_api, "post_all")}[at], die
        )
        with pytest.raises(Killed):
            talk.send()
    [[_, message_id]] = talk.messages.entries
    talk.restart()

    reply = talk.send()
    talk.deliver()

    assert reply["data"]["messageId"] == message_id
    assert talk.heard("b1") == talk.heard("b2") == [("messageReceived", message_id)]
    frame = json.loads(talk.management_api.received["b1"][0])
    assert frame["data"]["content"] == "hi"


def test_a_repeat_pushes_nothing_where_the_first_push_is_known(talk):
    first = talk.send()
    assert talk.send() == first
    assert len(talk.heard("b1")) == 1
    assert talk.deliveries.queued == []


@pytest.mark.parametrize("status", ["delivered", "read"])
def test_a_repeat_in_another_process_pushes_nothing_once_the_recipient_has_it(talk, status):
    first = talk.send()
    talk.ask("ben", "notificationAck", "r2", messageId=first["data"]["messageId"], type=status)
    talk.restart()

    assert talk.send() == first

    assert talk.deliveries.queued == []


def test_a_repeat_in_another_process_waits_until_the_first_has_pushed_and_pushes_the_same_once(talk):
    """It may still be running: of requests that were sent at once, one pushes at once."""
    first = talk.send()
    talk.restart()

    assert [talk.send(), talk.send()] == [first, first]

    [(_, delay)] = talk.deliveries.queued
    assert delay > PUSH_BUDGET_SECONDS
    assert len(talk.heard("b1")) == 1
    talk.deliver()
    assert talk.heard("b1") == [("messageReceived", first["data"]["messageId"])] * 2


@pytest.mark.parametrize("other", [{"recipient": "cid"}, {"content": "ho"}, {"type": "image"}])
def test_another_message_under_a_used_request_id_is_refused_by_name_and_goes_nowhere(talk, other):
    first = talk.send()

    reply = talk.send(**other)

    assert (reply["type"], reply["data"]["code"]) == ("error", "VALIDATION_ERROR")
    assert [detail["field"] for detail in reply["data"]["details"]] == ["requestId"]
    assert len(talk.messages.entries) == len(talk.heard("b1")) == 1
    assert talk.send() == first


def test_a_process_remembers_a_bounded_number_of_pushes(talk):
    for number in range(PUSHED_MAX + 1):
        talk.send(f"r{number}", "nobody")
    reads = []
    get = talk.messages.get
    talk.messages.get = lambda *args: reads.append(args) or get(*args)

    talk.send(f"r{PUSHED_MAX}", "nobody")
    talk.send("r1", "nobody")
    assert reads == []
    talk.send("r0", "nobody")
    assert len(reads) == 1
