"""The pusher: what is left of a job, and what is gone."""

import json
import threading
import time

import pytest

from deals_ops.dead_letters import DeadLetter
from deals_ops.redrive_decision import decide_delivery
from realtime_core.connections.base import Connection
from realtime_core.connections.memory import MemoryConnections
from realtime_core.errors import StoreUnavailable
from realtime_core.history.base import NewEvent, new_tracking_id
from realtime_core.history.memory import MemoryHistory
from realtime_core.lifetimes import HANDSHAKE_SECONDS_MAX
from realtime_core.push import pusher
from realtime_core.push.base import PostReport
from realtime_core.push.memory import MemoryDeadLetterQueue, MemoryDeliveries, MemoryManagementApi
from realtime_core.push.planning import decode_job, encode_job
from realtime_core.push.pusher import (
    ATTEMPTS_MAX,
    DELAY_SECONDS_MAX,
    REMOVAL_BATCH,
    REMOVAL_SECONDS,
    Pusher,
    PushResult,
)
from realtime_core.subscriptions.memory import MemorySubscriptions
from tests.contract.support.admitted import admit, finish, new_event
from tests.unit.push.jobs import NOW, job


class PusherHarness:
    """A pusher on in-memory twins, with four subscribers."""

    def __init__(self):
        self.management_api, self.deliveries = MemoryManagementApi(), MemoryDeliveries()
        self.connections = MemoryConnections()
        self.subscriptions = MemorySubscriptions(self.connections)
        self.history, self.undeliverable = MemoryHistory(), MemoryDeadLetterQueue()
        for name in "abcd":
            self.connections.add(Connection(name, f"user-{name}", NOW, NOW + 3600))
            self.subscriptions.subscribe(name, "books", "{}", NOW)
        self.pusher = Pusher(
            self.management_api,
            self.connections,
            self.subscriptions,
            self.deliveries,
            chunks=self.history,
            undeliverable=self.undeliverable,
            jitter=lambda: 1.0,
        )

    def members(self):
        groups = list(self.subscriptions.groups("books", NOW))
        return {member for _, members in self.subscriptions.members(groups, NOW) for member in members}


@pytest.fixture
def harness():
    return PusherHarness()


def test_push_to_nobody_posts_nothing(harness):
    assert harness.pusher.push(job(), 5) == PushResult()


def test_push_sorts_every_connection_and_queues_only_what_is_left(harness):
    harness.management_api.answers = {"b": [410], "c": [429], "d": [413]}
    result = harness.pusher.push(job("a", "b", "c", "d"), 5)
    assert (result.delivered, result.gone, result.queued, result.refused) == (1, 1, 1, 1)
    ((left, delay),) = harness.deliveries.queued
    assert (left.connection_ids, left.attempt) == (("c",), 2)
    assert delay <= DELAY_SECONDS_MAX


def test_push_that_the_request_budget_has_no_room_for_is_queued_whole(harness):
    harness.management_api.admitted = 1
    assert harness.pusher.push(job("a", "b"), 5) == PushResult(queued=2)
    [(queued, delay)] = harness.deliveries.queued
    assert (queued.connection_ids, queued.attempt, delay) == (("a", "b"), 1, 0)
    assert harness.management_api.received == {}
    assert harness.pusher.push(job("a"), 5).delivered == 1


def test_push_removes_a_gone_connection_with_its_memberships(harness):
    harness.management_api.answers = {"b": [410]}
    harness.pusher.push(job("a", "b"), 5)
    assert harness.connections.get("b") is None
    assert harness.members() == {"a", "c", "d"}


def test_push_delivers_although_the_gone_cannot_be_removed_just_now(harness):
    harness.management_api.answers = {"b": [410]}
    harness.connections.down = True
    assert harness.pusher.push(job("a", "b"), 5).delivered == 1


def test_removal_of_the_gone_stops_soon_after_its_time_within_a_batch_too(harness, monkeypatch):
    """A table that answers slowly may not make the function time out, which would repeat every delivery."""
    clock = iter(range(1_000))
    monkeypatch.setattr(pusher.time, "monotonic", lambda: next(clock) * 0.5)
    ids = [f"gone-{number}" for number in range(REMOVAL_BATCH)]
    for connection_id in ids:
        harness.connections.add(Connection(connection_id, "user-a", NOW, NOW + 3600))
    harness.management_api.answers = {connection_id: [410] for connection_id in ids}

    harness.pusher.push(job(*ids), 2)

    left = sum(harness.connections.get(connection_id) is not None for connection_id in ids)
    assert 0 < left < len(ids)


@pytest.mark.parametrize("budget_seconds", [5, -REMOVAL_SECONDS - 5])
def test_many_gone_are_removed_at_once_after_what_is_left_is_queued_and_within_the_time(
    harness, monkeypatch, budget_seconds
):
    ids = [f"gone-{number}" for number in range(200)]
    for connection_id in ids:
        harness.connections.add(Connection(connection_id, "user-a", NOW, NOW + 3600))
    report = PostReport(gone=tuple(ids), unsent=("a",))
    monkeypatch.setattr(harness.management_api, "post_all", lambda *_: [report])
    together, remove, queued = threading.Barrier(4), harness.connections.remove, []

    def removing(connection_id, **known):
        if connection_id in ids[: 4 * REMOVAL_BATCH : REMOVAL_BATCH]:
            together.wait(5)  # breaks if they come one after the other
        queued.append(len(harness.deliveries.queued))
        return remove(connection_id, **known)

    monkeypatch.setattr(harness.connections, "remove", removing)

    assert harness.pusher.push(job("a", *ids), budget_seconds).gone == 200

    left = [connection_id for connection_id in ids if harness.connections.get(connection_id) is not None]
    if budget_seconds > 0:
        assert (left, queued) == ([], [1] * 200)
    else:
        assert (left, queued, len(harness.deliveries.queued)) == (ids, [], 1)


def young(age_seconds, *connection_ids):
    """The connections of a job that were so many seconds old when it was planned."""
    return dict.fromkeys(connection_ids, int(time.time()) - age_seconds)


def test_push_during_the_handshake_keeps_the_record_and_is_tried_again_shortly(harness):
    """Of 60 connects under pushes, 10 stayed open without a record and never received anything again."""
    harness.management_api.answers = {"b": [410, 200]}

    result = harness.pusher.push(job("a", "b", opening=young(1, "b")), 5)

    assert (result.delivered, result.queued, result.gone) == (1, 1, 0)
    assert harness.connections.get("b") is not None
    [(left, delay)] = harness.deliveries.queued
    assert (left.connection_ids, 1 <= delay <= 8) == (("b",), True)

    assert harness.pusher.push(decode_job(encode_job(left)), 5).delivered == 1
    assert harness.management_api.received["b"] == ['{"type":"x"}']


def test_push_to_a_handshake_that_never_ends_is_given_up_as_gone_without_a_dead_letter(harness):
    harness.management_api.answers = {"b": [410]}
    delays = []
    pushed = job("b", attempt=ATTEMPTS_MAX, opening=young(0, "b"))
    while (result := harness.pusher.push(pushed, 5)).queued:
        [(left, delay)] = harness.deliveries.queued
        harness.deliveries.queued.clear()
        delays.append(delay)
        # Time passes: the connection was made that much earlier.
        pushed = left._replace(opening={"b": left.opening["b"] - delay})

    assert (result.gone, harness.connections.get("b"), harness.undeliverable.entries) == (1, None, [])
    assert HANDSHAKE_SECONDS_MAX <= sum(delays) <= HANDSHAKE_SECONDS_MAX + 8
    assert len(delays) <= 8


@pytest.mark.parametrize(
    "opening",
    [{}, {"b": 1}, young(HANDSHAKE_SECONDS_MAX, "b"), young(1, "a")],
    ids=["of no age", "of an hour", "just old enough", "another one"],
)
def test_push_to_a_connection_that_was_open_before_is_final_when_it_is_gone(harness, opening):
    harness.management_api.answers = {"b": [410]}
    assert harness.pusher.push(job("a", "b", opening=opening), 5).gone == 1
    assert (harness.connections.get("b"), harness.deliveries.queued) == (None, [])


def test_jobs_pushed_together_keep_the_record_that_one_of_them_may_still_need(harness):
    harness.management_api.answers = {"b": [410]}
    jobs = [job("b", opening=young(1, "b")), job("b", "a")]

    assert [result.queued for result in harness.pusher.push_all(jobs, 5)] == [1, 0]

    assert harness.connections.get("b") is not None
    assert [left.connection_ids for left in harness.deliveries.jobs] == [("b",)]


def test_jobs_that_are_left_are_queued_at_once_not_one_after_the_other(harness, monkeypatch):
    """What is kept of a function's time for this must do for all of them, while SQS is slow."""
    harness.management_api.answers = {name: [503] for name in "abcd"}
    together, send = threading.Barrier(4), harness.deliveries.send

    def sending(jobs, delay_seconds=0):
        together.wait(5)  # breaks if they come one after the other
        send(jobs, delay_seconds)

    monkeypatch.setattr(harness.deliveries, "send", sending)

    assert [result.queued for result in harness.pusher.push_all([job(name) for name in "abcd"], 5)] == [1] * 4


def test_push_queues_what_was_throttled_apart_from_what_is_still_opening(harness):
    harness.management_api.answers = {"a": [429], "b": [410]}
    harness.pusher.push(job("a", "b", attempt=3, opening=young(2, "a", "b")), 5)
    left = {
        queued.connection_ids: (queued.attempt, set(queued.opening)) for queued in harness.deliveries.jobs
    }
    assert left == {("a",): (4, {"a"}), ("b",): (3, {"b"})}


def test_push_removes_the_gone_although_what_is_left_cannot_be_queued(harness):
    harness.management_api.answers = {"a": [500], "b": [410]}
    harness.deliveries.down = True
    with pytest.raises(StoreUnavailable):
        harness.pusher.push(job("a", "b"), 5)
    assert harness.connections.get("b") is None


def test_push_fails_where_what_is_left_cannot_be_queued(harness):
    harness.management_api.answers = {"a": [500]}
    harness.deliveries.down = True
    with pytest.raises(StoreUnavailable):
        harness.pusher.push(job("a"), 5)


def test_push_gives_up_after_its_attempts_and_keeps_what_is_left(harness):
    harness.management_api.answers = {"a": [503]}
    harness.pusher.push(job("a", "b", attempt=ATTEMPTS_MAX), 5)
    ((kept, reason),) = harness.undeliverable.entries
    assert decode_job(kept).connection_ids == ("a",)
    assert str(ATTEMPTS_MAX) in reason
    assert harness.deliveries.queued == []


def test_push_is_tried_eight_times_before_it_is_a_dead_letter(harness):
    """Eight attempts and their pauses of up to a minute outlast a short outage of the API."""
    harness.management_api.answers = {"a": [503]}
    harness.pusher.push(job("a"), 5)
    attempts = 1
    while harness.deliveries.queued:
        [(left, _)] = harness.deliveries.queued
        harness.deliveries.queued.clear()
        harness.pusher.push(left, 5)
        attempts += 1

    assert attempts == 8
    ((_, reason),) = harness.undeliverable.entries
    assert reason == "not deliverable in 8 attempts"


@pytest.mark.parametrize("status", [400, 403, 404])
def test_push_with_an_unexpected_answer_is_queued_again_and_in_the_end_kept_whole(harness, status):
    """Nothing about the connection explains the answer, so nothing of the job is given up for it."""
    ids = [f"r{number:04}" for number in range(2_000)]
    harness.management_api.answers = {connection_id: [status] for connection_id in ids}

    result = harness.pusher.push(job("a", *ids), 5)
    assert (result.delivered, result.queued, result.refused) == (1, 2_000, 0)
    for _ in range(ATTEMPTS_MAX - 1):
        [(left, _)] = harness.deliveries.queued
        harness.deliveries.queued.clear()
        result = harness.pusher.push(left, 5)

    assert harness.deliveries.queued == []
    ((kept, reason),) = harness.undeliverable.entries
    assert decode_job(kept).connection_ids == tuple(ids)
    assert (result.queued, result.dead_lettered, result.refused) == (0, 2_000, 0)
    assert f"2000 x {status}" in reason


def test_push_that_is_redriven_reaches_only_those_that_were_left(harness):
    harness.management_api.answers = {"b": [403], "c": [404]}
    harness.pusher.push(job("a", "b", "c", attempt=ATTEMPTS_MAX), 5)
    ((kept, _),) = harness.undeliverable.entries
    letter = DeadLetter("m1", kept, NOW, 1)
    harness.management_api.answers = {}

    harness.pusher.push(decode_job(decide_delivery(letter, NOW + 60).body), 5)

    assert {name: len(frames) for name, frames in harness.management_api.received.items()} == {
        "a": 1,
        "b": 1,
        "c": 1,
    }


def test_delays_grow_up_to_a_minute(harness):
    harness.management_api.answers = {"a": [503]}
    for attempt in range(1, ATTEMPTS_MAX):
        harness.pusher.push(job("a", attempt=attempt), 5)
    delays = [delay for _, delay in harness.deliveries.queued]
    assert delays == sorted(delays)
    assert delays[-1] == DELAY_SECONDS_MAX


@pytest.mark.parametrize(
    ("answers", "attempt", "complete"),
    [
        ({}, 1, True),
        ({"a": [410]}, 1, True),
        ({"a": [413]}, 1, True),
        ({"a": [503]}, 1, False),
        ({"a": [403]}, 1, False),
        ({"a": [503]}, ATTEMPTS_MAX, False),
    ],
    ids=["delivered", "gone", "too-large", "left", "unexpected", "dead-lettered"],
)
def test_a_chunk_is_complete_when_nothing_of_it_can_be_delivered_any_more(
    harness, answers, attempt, complete
):
    kept = '{"eventId":"e1","messageType":"x","topic":"t","data":{},"filters":{}}'
    claim = admit(harness.history, NewEvent("e1", kept), NOW * 1000)
    tracking_id = new_tracking_id(claim.position, NOW * 1000)
    harness.history.expect_chunks(tracking_id, 1, [claim])
    finish(harness.history, claim, in_flight=True)
    harness.management_api.answers = answers
    harness.pusher.push(job("a", attempt=attempt, tracking_id=tracking_id), 5)
    assert (harness.history.settled(NOW) == claim.position) is complete


class SlowPosts(MemoryManagementApi):
    """Time passes while it posts: from NOW to the next second."""

    now = NOW

    def post_all(self, posts, budget_seconds):
        reports = super().post_all(posts, budget_seconds)
        self.now += 1
        return reports


@pytest.fixture
def slow(harness):
    harness.management_api = SlowPosts()
    harness.pusher = Pusher(
        harness.management_api,
        harness.connections,
        harness.subscriptions,
        harness.deliveries,
        chunks=harness.history,
        now=lambda: harness.management_api.now,
    )
    return harness


def test_push_leaves_out_what_has_expired(slow):
    """Also of several events for one connection: each has its own end."""
    frames = '{"n":1}\n{"n":2}\n{"n":3}'
    several = job("a", frames_end=(NOW - 1, None, NOW))._replace(payload=frames)
    results = slow.pusher.push_all([several, job("b", frames_end=(NOW - 1,))], 5)
    [payload] = slow.management_api.received.pop("a")
    assert json.loads(payload)["data"]["frames"] == [{"n": 2}, {"n": 3}]
    assert results == [PushResult(delivered=1), PushResult()]
    assert slow.pusher.push(job("b", frames_end=(NOW - 1,)), 5) == PushResult()
    assert slow.management_api.received == {}


def test_a_chunk_that_has_expired_is_complete(slow):
    claim = admit(slow.history, new_event("e1"))
    tracking_id = new_tracking_id(claim.position, NOW * 1000)
    slow.history.expect_chunks(tracking_id, 1, [claim])
    finish(slow.history, claim, in_flight=True)
    assert slow.history.settled(NOW) < claim.position
    slow.pusher.push_all([job("a", frames_end=(NOW - 1,), tracking_id=tracking_id)], 5)
    assert slow.history.settled(NOW) == claim.position


@pytest.mark.parametrize(("answer", "opening"), [(429, {}), (500, {}), (410, {"a": NOW})])
def test_push_queues_nothing_again_that_has_expired_meanwhile(slow, answer, opening):
    slow.management_api.answers = {"a": [answer]}
    [result] = slow.pusher.push_all([job("a", opening=opening, frames_end=(NOW,))], 5)
    assert (result.queued, slow.deliveries.jobs) == (0, [])
    slow.management_api.answers = {"a": [answer]}
    [result] = slow.pusher.push_all([job("a", opening=opening, frames_end=(NOW + 10,))], 5)
    assert (result.queued, slow.deliveries.jobs[0].frames_end) == (1, (NOW + 10,))


def test_latency_of_a_push_is_from_its_publishing_on_by_this_clock(harness, published):
    before = round(time.time() * 1000) - 2_000
    harness.pusher.push(job("a")._replace(published_at_ms=before), 5)
    harness.pusher.push(job("a")._replace(published_at_ms=before + 10**6), 5)
    late, ahead = published()["MessageLatency", "push"]
    assert 2_000 <= late < 10_000
    assert ahead == 0, "clocks differ"


def test_log_has_one_line_for_each_unexpected_answer(harness, capsys):
    harness.management_api.answers = {"a": [403], "b": [403], "c": [404]}
    harness.pusher.push(job("a", "b", "c"), 5)
    lines = [json.loads(text) for text in capsys.readouterr().out.splitlines() if "posts_failed" in text]
    assert sorted((line["reason"], line["count"], line["attempt"]) for line in lines) == [
        ("403", 2, 1),
        ("404", 1, 1),
    ]
