"""`Publisher.publish_all`: one plan for all events, frames that are shared, and events that fail alone."""

import pytest

from broadcast import fan_out
from broadcast.group_index import GroupIndex
from broadcast.inboxes import Inboxes
from broadcast.publisher import Publisher, Submission
from broadcast.subscribers import Subscribers
from realtime_core.connections.base import Connection
from realtime_core.connections.memory import MemoryConnections
from realtime_core.errors import StoreUnavailable
from realtime_core.history.base import NewEvent
from realtime_core.history.memory import MemoryHistory
from realtime_core.messages.memory import MemoryMessages
from realtime_core.push.memory import MemoryDeliveries, MemoryManagementApi
from realtime_core.push.planning import decode_job, encode_job
from realtime_core.push.pusher import Pusher
from realtime_core.subscriptions.memory import MemorySubscriptions
from realtime_core.wire.events import parse_event
from realtime_core.wire.strict_json import dumps, loads
from tests.contract.support.admitted import BEGAN

NOW = 1_795_382_480


def deal(event_id, topic="books", **more):
    return Submission(
        parse_event({"messageType": "deal", "topic": topic, "data": {"id": event_id}, **more}), event_id
    )


def notification(event_id, *users):
    return Submission(parse_event({"messageType": "alert", "recipients": users, "data": {}}), event_id)


class Together:
    """`broadcast` and `delivery` on in-memory twins, which share one API."""

    def __init__(self):
        self.connections, self.deliveries = MemoryConnections(), MemoryDeliveries()
        self.subscriptions = MemorySubscriptions(self.connections)
        self.management_api, self.history = MemoryManagementApi(), MemoryHistory()
        self.messages = MemoryMessages(retention_days=30)
        self.groups = GroupIndex(self.subscriptions)
        ports = (self.management_api, self.connections, self.subscriptions, self.deliveries)
        self.publisher = Publisher(
            subscribers=Subscribers(self.subscriptions, self.groups),
            inboxes=Inboxes(self.messages, self.connections),
            admission=self.history,
            deliveries=self.deliveries,
            pusher=Pusher(*ports, now=lambda: NOW),
            direct_max=100,
            now=lambda: NOW,
        )
        self.delivery = Pusher(*ports, chunks=self.history, now=lambda: NOW)

    def subscribe(self, *connection_ids, topic="books", wanted="{}"):
        for connection_id in connection_ids:
            if self.connections.get(connection_id) is None:
                self.connections.add(Connection(connection_id, f"user-{connection_id}", NOW, NOW + 3600))
            self.subscriptions.subscribe(connection_id, topic, wanted, NOW)

    def deliver(self):
        """Post what is queued, as it comes out of SQS."""
        jobs, self.deliveries.queued = self.deliveries.jobs, []
        self.delivery.push_all([decode_job(encode_job(job)) for job in jobs], 20)

    def posts(self):
        return sum(map(len, self.management_api.received.values()))

    def received(self, connection_id):
        """The events that a connection has got, each by its id, in the order of the frames."""
        frames = [loads(text) for text in self.management_api.received.get(connection_id, [])]
        unpacked = [
            inner
            for frame in frames
            for inner in (frame["data"]["frames"] if frame["type"] == "batch" else [frame])
        ]
        return [frame["eventId"] for frame in unpacked]


@pytest.fixture
def together():
    return Together()


def test_twenty_events_for_the_same_thousand_people_cost_a_twentieth_of_the_posts(together):
    people = [f"c{number}" for number in range(1_000)]
    together.subscribe(*people)
    ids = [f"e{number}" for number in range(20)]

    answers = together.publisher.publish_all([deal(event_id) for event_id in ids])
    together.deliver()

    assert [answer["position"] for answer in answers] == list(range(BEGAN, BEGAN + 20))
    assert {answer["total"] for answer in answers} == {1_000}
    assert all(together.received(person) == ids for person in people)
    assert together.posts() == 1_000


def test_events_are_in_flight_until_the_last_chunk_that_has_them(together):
    together.subscribe(*[f"c{number}" for number in range(2_500)])
    together.publisher.publish_all([deal("e1"), deal("e2")])
    assert together.history.settled(NOW) == BEGAN - 1
    jobs, together.deliveries.queued = together.deliveries.queued, []
    for queued in jobs:
        assert together.history.settled(NOW) == BEGAN - 1
        together.deliveries.queued = [queued]
        together.deliver()
    assert together.history.settled(NOW) == BEGAN + 1


def test_a_small_audience_gets_each_its_own_events_in_one_post(together):
    together.subscribe("both", "phones-only", topic="phones")
    together.subscribe("both", "books-only", topic="books")
    together.subscribe("everything", topic="all-deals")

    answers = together.publisher.publish_all([deal("e1", "phones"), deal("e2", "books"), deal("e3", "tea")])

    assert [(answer["delivered"], answer["queued"]) for answer in answers] == [(3, 0), (3, 0), (1, 0)]
    assert together.received("both") == ["e1", "e2"]
    assert together.received("phones-only") == ["e1"]
    assert together.received("books-only") == ["e2"]
    assert together.received("everything") == ["e1", "e2", "e3"]
    assert together.posts() == 4
    assert together.history.settled(NOW) == BEGAN + 2


def test_a_notification_leaves_before_the_deals_in_the_frame_of_its_recipient(together):
    together.subscribe("ann")
    answers = together.publisher.publish_all([deal("e1"), notification("n1", "user-ann", "nobody")])
    assert together.received("ann") == ["n1", "e1"]
    assert together.posts() == 1
    assert [(answer.get("position"), answer["total"]) for answer in answers] == [(BEGAN, 1), (None, 1)]


def test_what_the_direct_post_could_not_send_is_queued_and_keeps_its_events_in_flight(together):
    together.subscribe("slow", "fine")
    together.management_api.answers = {"slow": [503]}
    answers = together.publisher.publish_all([deal("e1"), deal("e2")])
    assert [(answer["delivered"], answer["queued"]) for answer in answers] == [(1, 1), (1, 1)]
    assert together.history.settled(NOW) == BEGAN - 1

    together.management_api.answers = {}
    together.deliver()
    assert together.received("slow") == ["e1", "e2"]
    assert together.history.settled(NOW) == BEGAN + 1


def test_posts_that_the_budget_has_no_room_for_go_by_the_queue(together):
    together.subscribe("a", "b", "c")
    together.management_api.admitted = 2
    [answer] = together.publisher.publish_all([deal("e1")])
    assert (answer["delivered"], answer["queued"], together.posts()) == (0, 3, 0)
    together.deliver()
    assert together.posts() == 3


def test_the_same_event_twice_at_once_is_one_event_with_one_answer(together):
    together.subscribe("a")
    first, other, repeat = together.publisher.publish_all(
        [deal("e1"), deal("e2"), deal("e1", filters={"price": 2})]
    )
    assert (repeat, other["position"]) == (first, BEGAN + 1)
    assert together.received("a") == ["e1", "e2"]
    assert together.publisher.publish_all([deal("e2"), deal("e1")]) == [other, first]
    assert together.posts() == 1


def test_an_event_that_somebody_else_is_publishing_fails_alone(together):
    together.subscribe("a")
    together.history.claim_all([NewEvent("e2", dumps({"eventId": "e2", "messageType": "deal",
                                                      "topic": "books", "data": {}, "filters": {}}))],
                               NOW * 1000)  # fmt: skip
    first, busy, third = together.publisher.publish_all([deal("e1"), deal("e2"), deal("e3")])
    assert (first["delivered"], third["delivered"]) == (1, 1)
    assert isinstance(busy, StoreUnavailable)
    assert together.received("a") == ["e1", "e3"]


def test_events_that_could_not_be_queued_are_published_by_the_next_attempt_at_their_positions(together):
    together.subscribe(*[f"c{number}" for number in range(200)])
    together.deliveries.down = True
    results = together.publisher.publish_all([deal("e1"), deal("e2")])
    assert all(isinstance(result, StoreUnavailable) for result in results)

    together.deliveries.down = False
    answers = together.publisher.publish_all([deal("e1"), deal("e2")])
    assert [answer["position"] for answer in answers] == [BEGAN, BEGAN + 1]
    together.deliver()
    assert (together.received("c7"), together.posts()) == (["e1", "e2"], 200)
    assert together.history.settled(NOW) == BEGAN + 1


def test_an_event_that_failed_is_not_settled_by_a_chunk_that_was_queued_of_it(together, monkeypatch):
    together.subscribe("both", "one")
    together.subscribe("both", topic="phones")
    together.management_api.answers = {"both": [503], "one": [503]}
    queue = together.deliveries.send

    def refuse_some(jobs, delay_seconds=0):
        if any("both" in job.connection_ids for job in jobs):
            raise StoreUnavailable("the queue refuses them")
        queue(jobs, delay_seconds)

    with monkeypatch.context() as patched:
        patched.setattr(together.deliveries, "send", refuse_some)
        results = together.publisher.publish_all([deal("e1"), deal("e2", "phones")])
    assert all(isinstance(result, StoreUnavailable) for result in results)
    assert [job.connection_ids for job in together.deliveries.jobs] == [("one",)]

    together.management_api.answers = {}
    together.deliver()
    together.publisher.publish_all([deal("e2", "phones")])
    assert together.history.settled(NOW) == BEGAN - 1, "nobody called `both` has e1 yet"

    together.publisher.publish_all([deal("e1")])
    assert sorted(set(together.received("both"))) == ["e1", "e2"]
    assert together.history.settled(NOW) == BEGAN + 1


def test_an_inbox_that_fails_fails_its_notification_and_no_other_event(together):
    together.subscribe("ann", "ben")
    together.messages.failing = {"user-ben"}
    first, failed, third = together.publisher.publish_all(
        [deal("e1"), notification("n1", "user-ann", "user-ben"), notification("n2", "user-ann")]
    )
    assert (first["delivered"], third["delivered"]) == (2, 1)
    assert isinstance(failed, StoreUnavailable)
    assert together.received("ann") == ["n1", "n2", "e1"]


def test_an_event_that_the_code_fails_on_harms_no_other(together, monkeypatch):
    together.subscribe("a")
    matching = together.groups.matching

    def fault(events, now):
        if any(event.values.get("poison") for of_topic in events.values() for event in of_topic):
            raise RuntimeError("a fault of ours")
        return matching(events, now)

    monkeypatch.setattr(together.groups, "matching", fault)
    poison = Submission(parse_event({"messageType": "deal", "topic": "books", "data": {"poison": 1}}), "p")

    first, failed, third = together.publisher.publish_all([deal("e1"), poison, deal("e3")])

    assert (first["delivered"], third["delivered"]) == (1, 1)
    assert isinstance(failed, RuntimeError)
    assert together.received("a") == ["e1", "e3"]


@pytest.mark.parametrize("sets_max", [1_000, 3, 0])
def test_however_many_sets_of_events_there_are_everybody_gets_each_event_once(
    together, monkeypatch, sets_max
):
    """Sets that would cost too many messages are taken apart, at the price of a post for each event."""
    monkeypatch.setattr(fan_out, "SETS_MAX", sets_max)
    topics = [f"t{number}" for number in range(4)]
    wanted = {}
    for number in range(240):
        connection_id = f"c{number}"
        wanted[connection_id] = [topic for bit, topic in enumerate(topics) if number % 15 + 1 >> bit & 1]
        for topic in wanted[connection_id]:
            together.subscribe(connection_id, topic=topic)

    together.publisher.publish_all([deal(f"e-{topic}", topic) for topic in topics])
    posts = sum(len(job.connection_ids) for job in together.deliveries.jobs)
    together.deliver()

    got = {connection_id: sorted(together.received(connection_id)) for connection_id in wanted}
    assert got == {connection_id: [f"e-{topic}" for topic in has] for connection_id, has in wanted.items()}
    assert (posts == 240) is (sets_max == 1_000)
    assert together.history.settled(NOW) == BEGAN + 3


def test_a_small_audience_beside_a_large_one_is_posted_to_directly(together):
    crowd = [f"c{number}" for number in range(150)]
    together.subscribe(*crowd, topic="books")
    together.subscribe("few-1", "few-2", crowd[0], topic="tea")

    large, small = together.publisher.publish_all([deal("e1"), deal("e2", "tea")])

    assert (large["delivered"], large["queued"]) == (0, 150)
    assert (small["delivered"], small["queued"]) == (2, 1)
    assert together.received("few-1") == ["e2"]
    assert together.history.settled(NOW) == BEGAN - 1
    together.deliver()
    assert (together.received(crowd[0]), together.posts()) == (["e1", "e2"], 152)
    assert together.history.settled(NOW) == BEGAN + 1


def test_an_event_that_failed_is_not_settled_by_what_was_queued_of_it(together, monkeypatch):
    """The next attempt plans it again, and until then a client that resumes must find it."""
    together.subscribe("c1", topic="books")
    together.subscribe("c1", "c2", topic="tea")
    together.management_api.answers = {"c1": [500], "c2": [500]}
    send = together.deliveries.send

    def refuse_of_c1(jobs, delay_seconds=0):
        if any("c1" in job.connection_ids for job in jobs):
            raise StoreUnavailable("SQS went away")
        send(jobs, delay_seconds)

    monkeypatch.setattr(together.deliveries, "send", refuse_of_c1)
    results = together.publisher.publish_all([deal("e1", "tea"), deal("e2")])
    assert all(isinstance(result, StoreUnavailable) for result in results)

    together.management_api.answers = {}
    monkeypatch.undo()
    together.deliver()
    assert together.received("c2") == ["e1"]
    assert together.history.settled(NOW) == BEGAN - 1

    answers = together.publisher.publish_all([deal("e1", "tea"), deal("e2")])
    assert [answer["position"] for answer in answers] == [BEGAN, BEGAN + 1]
    assert together.received("c1") == ["e1", "e2"]
    assert together.history.settled(NOW) == BEGAN + 1


def test_frames_that_do_not_fit_one_frame_together_go_out_in_several(together):
    together.subscribe(*[f"c{number}" for number in range(150)])
    large = [deal(f"e{number}", data={"pad": "x" * 20_000}) for number in range(5)]
    together.publisher.publish_all([*large, deal("small")])
    together.deliver()
    assert sorted(together.received("c7")) == ["e0", "e1", "e2", "e3", "e4", "small"]
    assert len(together.management_api.received["c7"]) == 5
