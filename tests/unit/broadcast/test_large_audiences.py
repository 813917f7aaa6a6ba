"""Events for audiences that are planned as they are read: by windows, over attempts that end anywhere."""

from collections import Counter

import pytest

from broadcast import audience, subscribers
from broadcast.audience import Audience
from broadcast.group_index import GroupIndex
from broadcast.inboxes import Inboxes
from broadcast.publisher import Publisher, Submission
from broadcast.subscribers import TOGETHER_MAX, Subscribers
from realtime_core.connections.base import Connection
from realtime_core.connections.memory import MemoryConnections
from realtime_core.errors import StoreUnavailable
from realtime_core.history.memory import MemoryHistory
from realtime_core.history.overtaken import CLAIM_SECONDS
from realtime_core.messages.memory import MemoryMessages
from realtime_core.push.memory import MemoryDeliveries, MemoryManagementApi
from realtime_core.push.pusher import Pusher
from realtime_core.subscriptions.memory import MemorySubscriptions
from realtime_core.wire.events import parse_event
from tests.contract.support.admitted import BEGAN

NOW = 1_795_382_480
LONG_AGO_MS = (NOW - 3_600) * 1000
WINDOW, PAGE = 5, 2
BOOKS = [f"b{number:02}" for number in range(20)]
BOTH = [f"both{number:02}" for number in range(15)]
EVERYTHING = [f"e{number:02}" for number in range(20)]
AUDIENCE = sorted(BOOKS + BOTH + EVERYTHING)


class Killed(BaseException):
    """The function is killed: no code of it runs any more."""


class Fatal:
    """A port whose function is killed at the call of a number, before it is made or after."""

    def __init__(self, port, watched, deaths):
        self._port, self._watched, self._deaths = port, watched, deaths

    def __getattr__(self, name):
        method = getattr(self._port, name)
        if name not in self._watched:
            return method

        def call(*arguments, **named):
            self._deaths.check("before")
            result = method(*arguments, **named)
            self._deaths.check("after")
            return result

        return call


class Deaths:
    """Kills at one moment: `at` counts the moments before and after watched calls."""

    def __init__(self, at=None):
        self.at, self.met, self.dead = at, 0, False

    def check(self, _when):
        if self.dead or self.met == self.at:
            self.dead = True
            raise Killed
        self.met += 1


class Timed:
    """The deliveries queue, which takes a second for a call."""

    def __init__(self, deliveries, large):
        self._deliveries, self._large = deliveries, large

    def send(self, jobs):
        self._large.seconds += 1
        self._deliveries.send(jobs)


class Large:
    """`broadcast` on twins, for which any audience is large. Queueing a window takes a second."""

    def __init__(self, deaths=None, *, together_max=TOGETHER_MAX, window=WINDOW):
        self.now, self.seconds = float(NOW), 0
        self.connections, self.deliveries = MemoryConnections(), MemoryDeliveries()
        self.subscriptions = MemorySubscriptions(self.connections)
        self.subscriptions.page_members = PAGE
        self.management_api, self.history = MemoryManagementApi(), MemoryHistory(lambda: self.now)
        ports = (self.management_api, self.connections, self.subscriptions, self.deliveries)
        deaths = deaths or Deaths()
        self.publisher = Publisher(
            subscribers=Subscribers(self.subscriptions, GroupIndex(self.subscriptions), together_max, window),
            inboxes=Inboxes(MemoryMessages(retention_days=30), self.connections),
            admission=Fatal(
                self.history, ("claim_all", "note_planning", "expect_chunks", "finish_all"), deaths
            ),
            deliveries=Fatal(Timed(self.deliveries, self), ("send",), deaths),
            pusher=Pusher(*ports, now=lambda: self.now),
            direct_max=0,
            now=lambda: self.now,
            clock=lambda: self.seconds,
        )
        self.delivery = Pusher(*ports, chunks=self.history, now=lambda: self.now)

    def subscribe(self, connection_ids, topic="books", at_ms=LONG_AGO_MS, wanted="{}"):
        for connection_id in connection_ids:
            if self.connections.get(connection_id) is None:
                self.connections.add(Connection(connection_id, f"user-{connection_id}", NOW, NOW + 3600))
            self.subscriptions.subscribe(connection_id, topic, wanted, NOW, received_ms=at_ms)
        return self

    def publish(self, windows=float("inf"), event_id="e1"):
        event = parse_event({"messageType": "deal", "topic": "books", "data": {"price": 9}})
        return self.publisher.publish(event, event_id, deadline=self.seconds + windows - 0.5)

    def queued(self):
        """How often each connection is in a chunk."""
        return Counter(item for job in self.deliveries.jobs for item in job.connection_ids)

    def deliver(self):
        self.delivery.push_all(self.deliveries.jobs, 20)
        self.deliveries.queued = []


@pytest.fixture(autouse=True)
def _large(monkeypatch):
    monkeypatch.setattr(subscribers, "LARGE_SHARDS", -1)


def with_everybody(deaths=None, **options):
    large = Large(deaths, **options)
    return large.subscribe(BOOKS + BOTH).subscribe(EVERYTHING + BOTH, topic="all-deals")


def test_everybody_gets_the_event_once_whichever_topics_they_have():
    large = with_everybody()
    answer = large.publish()

    assert large.queued() == dict.fromkeys(AUDIENCE, 1)
    assert (answer["queued"], answer["total"]) == (len(AUDIENCE), len(AUDIENCE))
    assert "more" not in answer
    assert max(len(job.connection_ids) for job in large.deliveries.jobs) <= WINDOW + PAGE
    assert large.publish() == answer, "a repeat has the answer"


@pytest.mark.parametrize("windows", range(1, 14))
def test_a_planning_that_is_cut_anywhere_goes_on_and_repeats_no_chunk(windows):
    large = with_everybody()
    attempts, answer = 0, {"more": True}
    while "more" in answer:
        planned = sum(large.queued().values())
        answer = large.publish(windows)
        attempts += 1
        assert answer["queued"] == sum(large.queued().values())
        assert sum(large.queued().values()) > planned or attempts > 1, "each attempt comes further"
        assert attempts < 60, "it ends"

    assert large.queued() == dict.fromkeys(AUDIENCE, 1)
    assert answer["total"] == len(AUDIENCE)
    chunks = [(job.tracking_id, job.chunk) for job in large.deliveries.jobs]
    assert [chunk for _, chunk in chunks] == list(range(len(chunks)))
    assert len({tracking_id for tracking_id, _ in chunks}) == 1
    assert attempts > 1 or windows > 10


def test_attempts_that_have_no_time_left_come_further_all_the_same():
    """They cannot know who was planned before, but nobody is left out, and it ends."""
    large = with_everybody()
    attempts = 1
    while "more" in large.publish(0):
        attempts += 1
        assert attempts < 60
    times = large.queued()
    assert sorted(times) == AUDIENCE
    assert {item for item, count in times.items() if count > 1} <= set(BOTH)


def test_an_event_is_in_flight_until_the_last_chunk_of_the_last_attempt():
    large = with_everybody()
    large.publish(3)
    large.deliver()
    assert large.history.settled(NOW) == BEGAN - 1
    while "more" in large.publish(3):
        large.deliver()
    assert large.history.settled(NOW) == BEGAN - 1
    large.deliver()
    assert large.history.settled(NOW) == BEGAN
    assert {len(frames) for frames in large.management_api.received.values()} == {1}


@pytest.mark.parametrize("moment", range(60))
def test_a_planning_that_is_killed_anywhere_goes_on_and_repeats_one_window_at_most(moment):
    deaths = Deaths(moment)
    large = with_everybody(deaths)
    try:
        large.publish()
        assert not deaths.dead
    except Killed:
        deaths.at, deaths.dead = None, False
        large.now += CLAIM_SECONDS + 1
        large.publish()

    times = large.queued()
    assert sorted(times) == AUDIENCE, "nobody is left out"
    assert sum(times.values()) - len(AUDIENCE) <= WINDOW + PAGE
    large.deliver()
    assert large.history.settled(int(large.now)) >= BEGAN, "and nothing is left in flight"


def test_a_queue_that_fails_leaves_the_event_to_another_attempt_which_goes_on():
    large = with_everybody()
    large.publish(4)
    before = large.queued()
    large.deliveries.down = True
    with pytest.raises(StoreUnavailable):
        large.publish()
    large.deliveries.down = False
    answer = large.publish()
    assert before
    assert large.queued() == dict.fromkeys(AUDIENCE, 1)
    assert answer["total"] == len(AUDIENCE)


def test_whoever_joins_the_first_topic_between_attempts_still_gets_the_event_by_the_second():
    """By then the first topic is planned, without them."""
    large = with_everybody()
    while not any(item in large.queued() for item in EVERYTHING + BOTH[-1:]):
        large.publish(1)
    late = EVERYTHING[-1]
    assert late not in large.queued()
    large.subscribe([late], topic="books", at_ms=NOW * 1000)
    while "more" in large.publish(1):
        pass
    assert large.queued()[late] == 1


def test_a_membership_that_may_be_younger_than_the_planning_is_not_taken_for_planned():
    """Its connection gets the event twice, rather than never, and drops it by its id."""
    large = Large().subscribe(BOOKS + BOTH, at_ms=(NOW - 59) * 1000)
    large.subscribe(EVERYTHING + BOTH, topic="all-deals")
    while "more" in large.publish(1):
        pass
    assert large.queued() == {**dict.fromkeys(BOOKS + EVERYTHING, 1), **dict.fromkeys(BOTH, 2)}


def test_what_there_is_no_time_to_read_again_counts_as_not_planned():
    """A planning with a first topic that takes an attempt's whole time to read would never end."""
    large = with_everybody()
    groups = {topic: list(large.subscriptions.groups(topic, NOW)) for topic in ("books", "all-deals")}
    ticks = iter(range(1_000))
    stream = Audience(large.subscriptions, groups, began_ms=NOW * 1000, now=NOW, clock=lambda: next(ticks))
    [group] = groups["all-deals"]
    place = f'["all-deals","{group.group_id}",0,"{min(EVERYTHING + BOTH)}"]'
    ids = [item for window in stream.windows(place, deadline=4) for item in window.connection_ids]
    assert set(EVERYTHING[1:]) <= set(ids)
    assert 0 < len(set(ids) & set(BOTH)) < len(BOTH)


def test_an_audience_that_turns_out_to_be_large_is_read_as_a_stream(monkeypatch):
    monkeypatch.setattr(subscribers, "LARGE_SHARDS", 250)
    large = with_everybody(together_max=10)
    answer = large.publish(4)
    assert answer["more"] is True
    while "more" in large.publish(4):
        pass
    assert large.queued() == dict.fromkeys(AUDIENCE, 1)


def test_an_audience_that_is_small_by_the_next_attempt_is_gone_on_with_and_not_planned_anew(monkeypatch):
    monkeypatch.setattr(subscribers, "LARGE_SHARDS", 250)
    large = with_everybody(together_max=30)
    assert large.publish(4)["more"] is True
    left = [item for item in AUDIENCE if item not in large.queued()][:30]
    large.subscriptions.remove_members([large.connections.remove(item) for item in left])
    while "more" in large.publish(4):
        pass
    assert large.queued() == dict.fromkeys([item for item in AUDIENCE if item not in left], 1)


def test_the_memory_for_an_audience_is_a_setting(monkeypatch):
    monkeypatch.setattr(subscribers, "LARGE_SHARDS", 250)
    large = with_everybody(together_max=len(AUDIENCE), window=1_000)
    assert "more" not in large.publish(1)

    large = with_everybody(together_max=10, window=1_000)
    assert "more" in large.publish(1)
    while "more" in large.publish(1):
        pass
    assert large.queued() == dict.fromkeys(AUDIENCE, 1)
    assert all(len(job.connection_ids) <= 10 + PAGE for job in large.deliveries.jobs)


def test_events_for_small_audiences_share_frames_beside_one_for_a_large_audience(monkeypatch):
    monkeypatch.setattr(subscribers, "LARGE_SHARDS", 1)
    large = with_everybody().subscribe(["p1", "p2"], topic="phones")
    [group] = large.subscriptions.groups("books", NOW)
    large.subscriptions.add_shards(group, 2, NOW)
    events = [
        Submission(parse_event({"messageType": "deal", "topic": topic, "data": {}}), f"{topic}-{number}")
        for topic in ("phones", "books")
        for number in range(2)
    ]
    results = large.publisher.publish_all(events, deadline=large.seconds + 2.5)

    assert [result["total"] for result in results[:2]] == [2 + len(EVERYTHING + BOTH)] * 2
    together = [job for job in large.deliveries.jobs if job.payload.count("\n")]
    assert {item for job in together for item in job.connection_ids} >= {"p1", "p2", *EVERYTHING}
    assert [result.get("more") for result in results] == [None, None, True, True]
    assert results[3]["queued"] == 0, "its turn had not come"


def test_an_event_without_an_audience_is_out_at_once():
    large = Large()
    assert large.publish()["total"] == 0
    assert large.history.settled(NOW) == BEGAN


def test_a_large_group_with_few_shards_gets_more():
    large = Large(window=1_000)
    large.subscriptions.page_members = 500
    large.subscribe([f"c{number}" for number in range(2_001)])
    large.publish()
    [group] = large.subscriptions.groups("books", NOW)
    assert group.shards == 3


def test_events_that_reach_many_groups_of_few_people_share_frames(monkeypatch):
    monkeypatch.setattr(subscribers, "LARGE_SHARDS", 3)
    large = Large()
    for number in range(10):
        large.subscribe([f"c{number}"], wanted=f'{{"maxPrice":{10 + number}}}')
    data = {"messageType": "deal", "topic": "books", "data": {"price": 9}}
    results = large.publisher.publish_all([Submission(parse_event(data), f"e{n}") for n in range(2)])
    assert [result["total"] for result in results] == [10, 10]
    assert large.queued() == {f"c{number}": 1 for number in range(10)}, "both in one frame"


def test_groups_of_few_people_do_not_make_windows_that_take_long(monkeypatch):
    monkeypatch.setattr(audience, "WINDOW_PAGES", 3)
    large = Large()
    for number in range(10):
        large.subscribe([f"c{number}"], wanted=f'{{"maxPrice":{10 + number}}}')
    large.publish()
    assert [len(job.connection_ids) for job in large.deliveries.jobs] == [3, 3, 3, 1]
