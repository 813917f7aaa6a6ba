"""`Publisher`: notifications in inboxes of which some fail, and recipients who cannot be looked up."""

import json

import pytest

from broadcast.group_index import GroupIndex
from broadcast.inboxes import Inboxes
from broadcast.publisher import Publisher
from broadcast.subscribers import Subscribers
from realtime_core.connections.base import Connection
from realtime_core.connections.memory import MemoryConnections
from realtime_core.errors import StoreUnavailable
from realtime_core.history.memory import MemoryHistory
from realtime_core.messages.base import NotAllStored
from realtime_core.messages.memory import MemoryMessages
from realtime_core.push.memory import MemoryDeliveries, MemoryManagementApi
from realtime_core.push.pusher import Pusher
from realtime_core.subscriptions.memory import MemorySubscriptions
from realtime_core.wire.events import parse_event

NOW = 1_795_382_480
USERS = [f"user-{number}" for number in range(60)]
EVENT = parse_event({"messageType": "notification", "recipients": USERS, "data": {"title": "t"}})


class FlakyIndex(MemoryConnections):
    """Connections whose look-up fails for the users in `failing`; `asked` counts look-ups."""

    def __init__(self):
        super().__init__()
        self.failing, self.asked = set(), 0

    def of_user(self, user_id):
        self.asked += 1
        if user_id in self.failing:
            raise StoreUnavailable("the index is down")
        return super().of_user(user_id)


class NotificationHarness:
    """A publisher on in-memory twins, with a connection for each of 60 users."""

    def __init__(self):
        self.connections, self.messages = FlakyIndex(), MemoryMessages()
        self.deliveries, self.management_api = MemoryDeliveries(), MemoryManagementApi()
        subscriptions = MemorySubscriptions(self.connections)
        self.pusher = Pusher(
            self.management_api, self.connections, subscriptions, self.deliveries, now=lambda: NOW
        )
        self.publisher = Publisher(
            subscribers=Subscribers(subscriptions, GroupIndex(subscriptions)),
            inboxes=Inboxes(self.messages, self.connections),
            admission=MemoryHistory(),
            deliveries=self.deliveries,
            pusher=self.pusher,
            direct_max=100,
            now=lambda: NOW,
        )
        for user_id in USERS:
            self.connections.add(Connection(f"c-{user_id}", user_id, NOW, NOW + 3600))

    def received(self):
        """The users whose connection received something."""
        return {connection_id.removeprefix("c-") for connection_id in self.management_api.received}

    def message_ids(self):
        """The ids under which the notification was received."""
        payloads = [payload for received in self.management_api.received.values() for payload in received]
        return {json.loads(payload)["data"]["messageId"] for payload in payloads}


@pytest.fixture
def harness():
    return NotificationHarness()


def test_recipients_who_cannot_be_looked_up_are_left_to_delivery(harness):
    harness.connections.failing = set(USERS)

    answer = harness.publisher.publish(EVENT, "e1")

    assert (answer["broadcast"], answer["delivered"], answer["queued"]) == ("success", 0, 60)
    assert [user for job in harness.deliveries.jobs for user in job.user_ids] == USERS
    assert harness.connections.asked < 20, "one failure is enough"

    harness.connections.failing = set()
    jobs, harness.deliveries.queued = harness.deliveries.jobs, []
    harness.pusher.push_all(jobs, 5)
    assert harness.received() == set(USERS)


def test_a_recipient_who_cannot_be_looked_up_fails_nobody_else(harness):
    harness.connections.failing = {USERS[-1]}

    answer = harness.publisher.publish(EVENT, "e1")

    assert answer["total"] == 60
    jobs, harness.deliveries.queued = harness.deliveries.jobs, []
    harness.pusher.push_all(jobs, 5)
    assert harness.received() == set(USERS) - {USERS[-1]}
    assert [job.user_ids for job in harness.deliveries.jobs] == [(USERS[-1],)]


def test_an_inbox_that_fails_is_left_to_the_next_attempt_and_all_others_have_theirs(harness):
    harness.messages.failing = {"user-7"}

    with pytest.raises(NotAllStored):
        harness.publisher.publish(EVENT, "e1")

    assert harness.received() == set(USERS) - {"user-7"}
    assert {user for user, _ in harness.messages.entries} == set(USERS) - {"user-7"}

    harness.messages.failing = set()
    assert harness.publisher.publish(EVENT, "e1")["total"] == 60

    assert harness.received() == set(USERS)
    assert len(harness.messages.entries) == 60
    assert len(harness.message_ids()) == 1, "a repeated push is dropped by its id"


def test_where_nothing_could_be_stored_nothing_is_pushed(harness):
    harness.messages.failing = set(USERS)

    with pytest.raises(NotAllStored):
        harness.publisher.publish(EVENT, "e1")

    assert harness.received() == set()
    assert harness.deliveries.jobs == []
