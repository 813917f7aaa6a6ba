"""Notices: each is sent once, without a write for it; what breaks in between sends few of them again."""

import random
from collections import Counter

import pytest

from realtime_core.connections.memory import PAGE
from realtime_core.connections.schedule import due_with_token
from realtime_core.errors import StoreUnavailable
from tests.unit.janitor.harness import ENOUGH_SECONDS, HOUR, MINUTE, JanitorHarness


@pytest.fixture
def harness():
    return JanitorHarness()


class Died(Exception):
    """The process was killed."""


@pytest.fixture
def settled(harness, monkeypatch):
    """The records that were written for the schedule."""
    written = []
    settle = harness.schedule.settle
    monkeypatch.setattr(
        harness.schedule, "settle", lambda was, record: (written.append(record), settle(was, record))
    )
    return written


def refresh(harness, connection_id, token_seconds):
    """Refresh a token as the router does."""
    record = harness.connections.get(connection_id)
    expiry = harness.now + token_seconds
    due_at = due_with_token(connection_id, record.connected_at, expiry, harness.now)
    assert harness.connections.extend(connection_id, expiry, due_at=due_at)


def sent(harness):
    """How often each connection was sent each notice: a warning for each expiry."""
    counts = Counter()
    for connection_id in harness.poster.received:
        for frame in harness.frames(connection_id):
            counts[connection_id, frame["type"], frame["data"].get("expiresAt")] += 1
    return counts


def test_life_of_a_connection_with_tokens_of_an_hour_writes_nothing_for_its_notices(harness, settled):
    harness.connect(token_seconds=HOUR)
    for _ in range(122):
        if harness.run(MINUTE).warned:
            refresh(harness, "c1", HOUR)

    assert [frame["type"] for frame in harness.frames()] == ["tokenExpiring", "reconnect", "tokenExpiring"]
    assert settled == []
    assert harness.connections.records == {}


def test_every_notice_is_sent_once_whatever_tokens_and_refreshes_there_are(harness):
    chance = random.Random(7)
    for minute in range(4 * 60):
        for number in range(3):
            seconds = chance.choice([50, 100, 3 * MINUTE, 17 * MINUTE, HOUR, 24 * HOUR])
            harness.connect(f"c{minute}-{number}", token_seconds=seconds)
        for connection_id in chance.sample(sorted(harness.connections.records), k=3):
            if connection_id not in harness.connections.ending:
                longer = harness.connections.get(connection_id).token_exp - harness.now
                refresh(harness, connection_id, longer + chance.choice([5, 2 * MINUTE, HOUR]))
        harness.run(chance.choice([20, MINUTE, MINUTE, 90]))

    counts = sent(harness)
    assert sum(counts.values()) > 500
    assert set(counts.values()) == {1}


def test_every_hand_over_is_sent_to_connections_that_refresh_around_it(harness):
    for number in range(300):
        harness.connect(f"c{number:03}", token_seconds=HOUR)
    for minute in range(1, 120):
        if minute % 5 == 0 or minute > 108:
            for connection_id in harness.connections.records:
                refresh(harness, connection_id, HOUR)
        harness.run(MINUTE)

    counts = sent(harness)
    assert counts == {(f"c{number:03}", "reconnect", None): 1 for number in range(300)}


def test_notice_that_could_not_be_sent_is_tried_by_each_run_and_sent_once(harness):
    harness.connect(token_seconds=4 * MINUTE)
    harness.connect("other", token_seconds=4 * MINUTE)
    harness.poster.answers["c1"] = [429]

    reports = [harness.run(2 * MINUTE + 30), harness.run(20)]
    harness.poster.answers.clear()
    reports += [harness.run(20), harness.run(20)]

    assert [report.warned for report in reports] == [1, 0, 1, 0]
    assert [report.postponed for report in reports] == [1, 1, 0, 0]
    assert set(sent(harness).values()) == {1}


def test_of_two_notices_the_one_that_was_sent_is_not_sent_again(harness):
    harness.connect(token_seconds=119 * MINUTE)
    harness.poster.answers["c1"] = [200, 429]

    reports = [harness.run(118 * MINUTE)]
    harness.poster.answers.clear()
    reports += [harness.run(10), harness.run(10)]

    assert [(report.warned, report.handed_over) for report in reports] == [(1, 0), (0, 1), (0, 0)]


@pytest.mark.parametrize("page", [0, 1, 2])
def test_run_that_dies_sends_at_most_a_page_again(harness, monkeypatch, page):
    partition = 0
    for number in range(4 * PAGE):
        harness.connect(f"c{number:04}", token_seconds=11 * MINUTE)
    harness.now += 10 * MINUTE
    monkeypatch.setattr(harness.schedule, "partitions", 1)

    posts, post = [], harness.poster.post

    def post_and_die(*arguments):
        report = post(*arguments)
        posts.append(report)
        if len(posts) == page + 1:
            raise Died
        return report

    harness.poster.post = post_and_die
    with pytest.raises(Died):
        harness.janitor.run(ENOUGH_SECONDS, "killed")
    harness.poster.post = post
    assert harness.leases.progress(f"due#{partition}").get("notices_id") is not None or page == 0

    harness.run(MINUTE)

    again = [times for times in sent(harness).values() if times > 1]
    assert len(sent(harness)) == 4 * PAGE
    assert len(again) == PAGE
    assert set(again) == {2}


def test_run_that_lost_its_lease_sends_no_more_notices(harness, monkeypatch):
    for number in range(4 * PAGE):
        harness.connect(f"c{number:04}", token_seconds=11 * MINUTE)
    harness.now += 10 * MINUTE
    monkeypatch.setattr(harness.schedule, "partitions", 1)
    note = harness.leases.note

    def lose(lease, progress):
        harness.leases.taken[lease.part] = ("successor", harness.now + 50)
        return note(lease, progress)

    monkeypatch.setattr(harness.leases, "note", lose)

    assert harness.run().warned == PAGE


def test_notices_that_were_sent_but_not_noted_are_sent_again(harness, monkeypatch):
    """A warning twice does no harm, and one that is lost closes a connection unannounced."""
    harness.connect(token_seconds=5 * MINUTE)

    def fail(_lease, _progress):
        raise StoreUnavailable("noting fails")

    with monkeypatch.context() as broken:
        broken.setattr(harness.leases, "note", fail)
        broken.setattr(harness.leases, "give_back", fail)
        report = harness.run(4 * MINUTE)
        assert report.warned == 1
        assert report.failures > 0

    assert harness.run(70).warned == 1


def test_notices_that_a_store_refused_stop_and_closing_goes_on(harness, monkeypatch):
    monkeypatch.setattr(harness.schedule, "partitions", 1)
    for number in range(3 * PAGE):
        harness.connect(f"a{number:04}", token_seconds=5 * MINUTE)
    harness.connect("z-expired", token_seconds=3 * MINUTE)
    harness.now += 4 * MINUTE + 10
    harness.poster.answers |= {f"a{number:04}": [429] for number in range(3 * PAGE)}

    def fail(_was_due_at, _record):
        raise StoreUnavailable("settling fails")

    with monkeypatch.context() as broken:
        broken.setattr(harness.schedule, "settle", fail)
        report = harness.run()
    assert (report.closed, report.warned, report.failures) == (1, 0, 1)

    harness.poster.answers.clear()
    assert harness.run(10).warned == 3 * PAGE
    assert set(sent(harness).values()) == {1}
