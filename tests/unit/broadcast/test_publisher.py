"""`Publisher`: the jobs that an event for many subscribers queues, also after an attempt that crashed."""

import time
from contextlib import suppress

import pytest

from broadcast.group_index import GroupIndex
from broadcast.inboxes import Inboxes
from broadcast.publisher import Publisher, Submission
from broadcast.subscribers import Subscribers
from realtime_core.connections.base import Connection
from realtime_core.connections.memory import MemoryConnections
from realtime_core.errors import StoreUnavailable
from realtime_core.filters import searching
from realtime_core.filters.filters import parse_filter
from realtime_core.filters.searching import contains
from realtime_core.history.memory import MemoryHistory
from realtime_core.messages.memory import MemoryMessages
from realtime_core.push.memory import MemoryDeliveries, MemoryManagementApi
from realtime_core.push.pusher import Pusher
from realtime_core.subscriptions.memory import MemorySubscriptions
from realtime_core.wire.events import parse_event
from realtime_core.wire.strict_json import loads
from tests.contract.support.admitted import BEGAN

NOW = 1_795_382_480
EVENT = parse_event({"messageType": "deal", "topic": "books", "data": {"price": 9}, "eventId": "e1"})
NOTIFICATION = parse_event(
    {"messageType": "alert", "recipients": ["ann"], "data": {"title": "x", "message": "y"}}
)
IDS = [f"c{number:05}" for number in range(5_000)]


class CrashingDeliveries(MemoryDeliveries):
    """Takes the first `crash_after` jobs, and then fails once."""

    crash_after = None

    def send(self, jobs, delay_seconds=0):
        if self.crash_after is not None:
            super().send(jobs[: self.crash_after], delay_seconds)
            self.crash_after = None
            raise StoreUnavailable("SQS went away")
        super().send(jobs, delay_seconds)


class PublisherHarness:
    """A publisher on in-memory twins, with 5,000 subscribers."""

    def __init__(self):
        self.connections, self.deliveries = MemoryConnections(), CrashingDeliveries()
        self.subscriptions = MemorySubscriptions(self.connections)
        self.management_api, self.messages = MemoryManagementApi(), MemoryMessages(retention_days=30)
        self.publisher = self.new_publisher()
        for number, connection_id in enumerate(IDS):
            self.connections.add(Connection(connection_id, f"user-{number}", NOW, NOW + 3600))
            self.subscriptions.subscribe(connection_id, "books", "{}", NOW)

    def new_publisher(self, *, direct_max=100, now=lambda: NOW):
        return Publisher(
            subscribers=Subscribers(self.subscriptions, GroupIndex(self.subscriptions)),
            inboxes=Inboxes(self.messages, self.connections),
            admission=MemoryHistory(),
            deliveries=self.deliveries,
            pusher=Pusher(self.management_api, self.connections, self.subscriptions, self.deliveries),
            direct_max=direct_max,
            now=now,
        )

    def queued(self):
        """(event id of the frame, tracking id, connection ids) of each job."""
        return [
            (loads(job.payload)["eventId"], job.tracking_id, job.connection_ids)
            for job in self.deliveries.jobs
        ]


@pytest.fixture
def harness():
    return PublisherHarness()


def test_an_event_is_planned_into_chunks_that_carry_the_payload_once(harness):
    answer = harness.publisher.publish(EVENT, "e1")

    assert answer == {
        "broadcast": "success",
        "eventId": "e1",
        "position": BEGAN,
        "delivered": 0,
        "queued": 5_000,
        "total": 5_000,
    }
    assert [len(ids) for _, _, ids in harness.queued()] == [2_000, 2_000, 1_000]
    assert sorted(connection_id for _, _, ids in harness.queued() for connection_id in ids) == IDS


@pytest.mark.parametrize("is_down", [False, True])
def test_texts_that_were_searched_are_released_with_the_matching(harness, monkeypatch, is_down):
    """Sorted they take 5 MB each, for as long as the process lives."""
    wanted = parse_filter({"text": {"contains": "y"}}).canonical
    harness.connections.add(Connection("reader", "ann", NOW, NOW + 3600))
    harness.subscriptions.subscribe("reader", "books", wanted, NOW)
    harness.publisher.publish(EVENT, "e0")
    assert contains("z" * 20_000, "z"), "of an earlier search"
    harness.subscriptions.down = is_down

    data = {"messageType": "deal", "topic": "books", "data": {"text": "x" * 20_000 + "y"}}
    with suppress(StoreUnavailable):
        harness.publisher.publish(parse_event(data), "e1")
    assert not searching._memory._known


def test_an_event_that_is_published_again_queues_nothing_and_is_answered_the_same(harness):
    assert harness.publisher.publish(EVENT, "e1") == harness.publisher.publish(EVENT, "e1")
    assert len(harness.deliveries.jobs) == 3


@pytest.mark.parametrize("directly", [True, False], ids=["directly", "by-the-queue"])
def test_a_notification_names_the_connections_that_may_still_be_in_their_handshake(harness, directly):
    """They are found by their user before they are open, and answer 410 until then."""
    now = int(time.time())
    harness.publisher = harness.new_publisher(direct_max=100 if directly else 0, now=lambda: now)
    harness.connections.add(Connection("young", "ann", now - 1, now + 3600))
    harness.connections.add(Connection("old", "ann", now - 3600, now + 3600))
    harness.management_api.answers = {"young": [410], "old": [410]}

    harness.publisher.publish(NOTIFICATION, "n1")

    [job] = harness.deliveries.jobs
    assert job.opening == {"young": now - 1}
    assert set(job.connection_ids) == ({"young"} if directly else {"young", "old"})
    kept = {name for name in ("young", "old") if harness.connections.get(name)}
    assert kept == ({"young"} if directly else {"young", "old"})


@pytest.mark.parametrize("taken", [0, 1, 2])
def test_an_event_whose_queueing_crashed_goes_on_with_what_receivers_know_it_by(harness, taken):
    harness.deliveries.crash_after = taken
    with pytest.raises(StoreUnavailable):
        harness.publisher.publish(EVENT, "e1")
    before = harness.queued()
    assert len(before) == taken

    assert harness.publisher.publish(EVENT, "e1")["position"] == BEGAN

    again = harness.queued()[taken:]
    assert sorted(connection_id for _, _, ids in again for connection_id in ids) == IDS, "everybody has it"
    # What was queued twice is the same chunk of the same event, which a receiver drops by its id.
    assert {event_id for event_id, _, _ in before + again} == {"e1"}
    assert again[:taken] == before


@pytest.mark.parametrize("seconds", [0, -1])
def test_an_event_goes_out_with_its_end_but_not_after_it(harness, seconds):
    """It is admitted all the same: a repeat is answered alike, and positions stay in order."""
    answer = harness.publisher.publish(EVENT._replace(expires_at=NOW + seconds), "e1")
    assert (answer["position"], answer["total"]) == (BEGAN, 5_000 if seconds == 0 else 0)
    assert {job.frames_end for job in harness.deliveries.jobs} == ({(NOW,)} if seconds == 0 else set())


def test_events_that_go_out_together_each_have_their_end(harness):
    submissions = [
        Submission(EVENT._replace(event_id=f"e{index}", expires_at=end), f"e{index}")
        for index, end in enumerate([None, NOW + 5, NOW - 5])
    ]
    harness.publisher.publish_all(submissions)
    for job in harness.deliveries.jobs:
        assert [loads(frame).get("expiresAt") for frame in job.payload.split("\n")] == [None, NOW + 5]
        assert job.frames_end == (None, NOW + 5)


def test_an_inbox_does_not_get_what_has_expired_and_forgets_it_then(harness):
    for number, seconds in enumerate([-1, 0, 60]):
        event = NOTIFICATION._replace(expires_at=NOW + seconds)
        harness.publisher.publish(event, f"n{number}")
    inboxes = [harness.messages.inbox("ann", None, 10, None, NOW + seconds)[0] for seconds in (0, 1, 60, 61)]
    assert [len(messages) for messages in inboxes] == [2, 1, 1, 0]
