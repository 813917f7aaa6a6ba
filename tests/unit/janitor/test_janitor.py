"""Runs of the janitor over the in-memory stores, by a clock that the tests move."""

import json
from dataclasses import dataclass, field

import pytest

from janitor.janitor import Janitor
from realtime_core.connections.base import Connection
from realtime_core.connections.memory import MemoryConnections, MemorySchedule
from realtime_core.errors import StoreUnavailable
from realtime_core.lifetimes import HANDSHAKE_SECONDS_MAX
from realtime_core.push.memory import MemoryManagementApi
from realtime_core.subscriptions.memory import MemorySubscriptions
from tests.contract.support.cases import at_once

NOW = 1_795_382_480
MINUTE = 60
HOUR = 60 * MINUTE
ENOUGH_SECONDS = 10.0


@dataclass
class JanitorHarness:
    """In-memory stores, and a janitor that runs at `now`."""

    connections: MemoryConnections = field(default_factory=MemoryConnections)
    poster: MemoryManagementApi = field(default_factory=MemoryManagementApi)
    now: int = NOW

    def __post_init__(self):
        self.subscriptions = MemorySubscriptions(self.connections)
        self.schedule = MemorySchedule(self.connections)
        self.janitor = self.new_janitor()

    def new_janitor(self, **changes):
        parts = {
            "schedule": self.schedule,
            "connections": self.connections,
            "subscriptions": self.subscriptions,
            "poster": self.poster,
            "clock": lambda: self.now,
        }
        return Janitor(**parts | changes)

    def connect(self, connection_id="c1", *, token_seconds=24 * HOUR, topics=()):
        self.connections.add(Connection(connection_id, "ann", self.now, self.now + token_seconds))
        for topic in topics:
            self.subscriptions.subscribe(connection_id, topic, "{}", self.now)

    def run(self, after=0):
        self.now += after
        return self.janitor.run(ENOUGH_SECONDS)

    def run_each_minute(self, minutes):
        return [self.run(MINUTE) for _ in range(minutes)]

    def frames(self, connection_id="c1"):
        return [json.loads(frame) for frame in self.poster.received.get(connection_id, [])]

    def members(self, topic):
        groups = self.subscriptions.groups(topic, self.now)
        return [member for _, members in self.subscriptions.members(groups, self.now) for member in members]


@pytest.fixture
def harness():
    return JanitorHarness()


def test_connection_with_nothing_due_is_left_alone(harness):
    harness.connect()
    report = harness.run(MINUTE)
    assert (report.connections, report.probed, report.lag_seconds, report.finished) == (1, 0, 0, True)
    assert harness.frames() == []


def test_connection_of_two_hours_gets_one_hand_over_and_is_removed(harness):
    harness.connect(topics=["a"])
    reports = harness.run_each_minute(122)

    [frame] = harness.frames()
    assert frame["type"] == "reconnect"
    assert frame["data"]["reason"] == "connectionLifetime"
    assert 60 <= frame["data"]["graceSeconds"] <= 600
    assert 110 * MINUTE <= frame["timestamp"] - NOW <= 119 * MINUTE
    assert [sum(report.handed_over for report in reports), sum(report.outlived for report in reports)] == [
        1,
        1,
    ]
    assert sum(report.probed for report in reports) == 11, "each ten minutes, and the hand-over spares one"
    assert harness.connections.records == {}
    assert harness.members("a") == []
    assert harness.poster.closed == [], "API Gateway has closed it"


def test_token_that_expires_is_warned_of_once_and_the_connection_closed(harness):
    harness.connect(token_seconds=5 * MINUTE, topics=["a"])

    [*quiet, warned, _] = harness.run_each_minute(5)
    assert [report.warned for report in quiet] == [0, 0, 0]
    assert warned.warned == 1
    [frame] = harness.frames()
    assert frame == {
        "type": "tokenExpiring",
        "data": {"expiresAt": NOW + 5 * MINUTE},
        "timestamp": NOW + 4 * MINUTE,
    }
    assert harness.poster.closed == []

    assert harness.run(59).closed == 0
    assert harness.run(1).closed == 1
    assert harness.poster.closed == ["c1"]
    assert (harness.connections.records, harness.members("a")) == ({}, [])
    assert len(harness.frames()) == 1


def test_refresh_keeps_the_connection_and_moves_the_warning(harness):
    harness.connect(token_seconds=5 * MINUTE)
    harness.run(5 * MINUTE)
    harness.connections.extend("c1", NOW + 8 * MINUTE)

    reports = harness.run_each_minute(3)

    assert [report.warned for report in reports] == [0, 1, 0]
    assert [frame["data"]["expiresAt"] - NOW for frame in harness.frames()] == [5 * MINUTE, 8 * MINUTE]
    assert harness.poster.closed == []
    harness.connections.extend("c1", NOW + 24 * HOUR)
    assert [report.closed for report in harness.run_each_minute(10)] == [0] * 10


def test_refresh_by_a_few_seconds_is_warned_of_in_time(harness):
    harness.connect(token_seconds=3 * MINUTE)
    harness.run(2 * MINUTE)
    harness.connections.extend("c1", NOW + 3 * MINUTE + 10)

    harness.run()

    assert [frame["data"]["expiresAt"] - NOW for frame in harness.frames()] == [180, 190]


def test_refresh_saves_a_probe(harness):
    harness.connect()
    harness.run(9 * MINUTE)
    harness.connections.extend("c1", NOW + 48 * HOUR)

    assert [report.probed for report in harness.run_each_minute(11)] == [0] * 10 + [1]


def test_refresh_while_the_connection_is_being_closed_is_too_late(harness):
    harness.connect(token_seconds=MINUTE)
    refreshes = []
    close = harness.poster.close
    harness.poster.close = lambda ids: (
        refreshes.append(harness.connections.extend("c1", NOW + HOUR)),
        close(ids),
    )

    harness.run(2 * MINUTE)

    assert refreshes == [None]
    assert harness.poster.closed == ["c1"]


def test_connection_lost_without_disconnect_is_removed_by_a_probe(harness):
    harness.connect("gone", topics=["a", "b"])
    harness.connect("there", topics=["a"])
    harness.poster.answers["gone"] = [410]

    reports = harness.run_each_minute(10)

    assert [report.gone for report in reports] == [0] * 9 + [1]
    assert set(harness.connections.records) == {"there"}
    assert (harness.members("a"), harness.members("b")) == (["there"], [])
    assert harness.run(MINUTE).connections == 1


def test_connection_lost_without_disconnect_is_removed_by_a_notice(harness):
    harness.connect(token_seconds=5 * MINUTE, topics=["a"])
    harness.poster.answers["c1"] = [410]

    report = harness.run(4 * MINUTE)

    assert (report.warned, report.gone) == (0, 1)
    assert (harness.connections.records, harness.members("a")) == ({}, [])


def test_notice_during_the_handshake_keeps_the_record_and_is_sent_by_the_next_run(harness):
    harness.connect(token_seconds=80)
    harness.poster.answers["c1"] = [410, 200]

    report = harness.run(1)
    assert (report.warned, report.gone, report.postponed) == (0, 0, 1)
    assert set(harness.connections.records) == {"c1"}

    assert harness.run(20).warned == 1
    assert len(harness.frames()) == 1


def test_probe_during_the_handshake_keeps_the_record(harness):
    harness.connect()
    harness.connections.schedule["c1"] = harness.connections.schedule["c1"]._replace(due_at=NOW - 1)
    harness.poster.answers["c1"] = [410]

    report = harness.run(1)
    assert (report.gone, report.postponed) == (0, 1)
    assert set(harness.connections.records) == {"c1"}

    assert harness.run(HANDSHAKE_SECONDS_MAX).gone == 1


def test_connection_that_opens_after_it_was_to_be_closed_is_closed_when_the_claim_ends(harness):
    harness.connect(token_seconds=-50)
    harness.poster.answers["c1"] = [410, 200]

    assert harness.run(10).closed == 0
    assert set(harness.connections.records) == {"c1"}

    assert [report.closed for report in harness.run_each_minute(2)] == [0, 1]
    assert (harness.poster.closed, harness.connections.records) == (["c1"], {})


def test_both_notices_due_at_once_are_sent(harness):
    harness.connect(token_seconds=119 * MINUTE)
    harness.run(118 * MINUTE)
    assert [frame["type"] for frame in harness.frames()] == ["tokenExpiring", "reconnect"]


@pytest.mark.parametrize("status", [429, 500, 403])
def test_notice_that_could_not_be_sent_is_sent_by_the_next_run(harness, status):
    harness.connect(token_seconds=5 * MINUTE)
    harness.poster.answers["c1"] = [status]
    assert harness.run(4 * MINUTE).postponed == 1

    harness.poster.answers.clear()
    assert harness.run(10).warned == 1
    assert harness.run(10).warned == 0
    assert len(harness.frames()) == 1


def test_probe_without_an_answer_is_repeated(harness):
    harness.connect()
    harness.poster.answers["c1"] = [429]
    assert harness.run(10 * MINUTE).postponed == 1

    harness.poster.answers["c1"] = [410]
    assert harness.run(MINUTE).gone == 1


def test_connection_that_could_not_be_closed_is_closed_when_the_claim_ends(harness):
    harness.connect(token_seconds=MINUTE, topics=["a"])
    harness.poster.down = True
    report = harness.run(2 * MINUTE)
    assert (report.closed, report.failures) == (0, 1)
    assert "c1" in harness.connections.records

    harness.poster.down = False
    assert [report.closed for report in harness.run_each_minute(2)] == [0, 1]
    assert (harness.connections.records, harness.members("a")) == ({}, [])


def test_run_that_dies_leaves_its_work_to_a_later_run(harness):
    harness.connect(token_seconds=5 * MINUTE)
    [record] = next(harness.schedule.due(NOW + HOUR))
    harness.schedule.claim(record, NOW + 6 * MINUTE)

    assert harness.run(5 * MINUTE).warned == 0
    assert harness.run(MINUTE - 1).warned == 0
    assert harness.run(1).closed == 1, "its token expired a minute ago"


def test_failure_in_one_kind_of_work_leaves_the_others_alone(harness):
    harness.connect("expired", token_seconds=4 * MINUTE)
    harness.connect("expiring", token_seconds=6 * MINUTE)
    harness.now += 5 * MINUTE

    def fail(_ids):
        raise StoreUnavailable("closing fails")

    harness.poster.close = fail
    report = harness.run()

    assert (report.failures, report.warned) == (1, 1)


def test_store_that_is_down_is_counted_and_not_raised(harness):
    harness.connect()
    harness.schedule.down = True
    report = harness.run(HOUR)
    assert (report.connections, report.failures) == (None, 1)
    names = [metric.name for metric, _ in report.metrics()]
    assert "ConnectionCount" not in names, "no figure is better than a wrong one"


def test_connections_that_cannot_be_counted_are_probed_all_the_same(harness):
    def fail():
        raise StoreUnavailable("counting fails")

    harness.connect()
    harness.schedule.count = fail
    report = harness.run(10 * MINUTE)
    assert (report.connections, report.probed) == (None, 1)


def test_runs_at_once_send_each_notice_and_close_each_connection_once(harness):
    for n in range(100):
        harness.connect(f"expiring{n}", token_seconds=5 * MINUTE)
        harness.connect(f"expired{n}", token_seconds=MINUTE)
    harness.now += 5 * MINUTE - 30

    reports = at_once(*[lambda: harness.new_janitor().run(ENOUGH_SECONDS)] * 4)

    assert sum(report.warned for report in reports) == 100
    assert {len(harness.frames(f"expiring{n}")) for n in range(100)} == {1}
    assert sorted(harness.poster.closed) == sorted(f"expired{n}" for n in range(100))
    assert len(harness.connections.records) == 100


def test_run_whose_time_is_up_starts_no_page_and_the_next_run_continues(harness):
    for n in range(500):
        harness.connect(f"c{n:03}")
    harness.now += 10 * MINUTE
    ticks = iter(range(100))

    short = harness.new_janitor(timer=lambda: next(ticks)).run(2)
    assert (short.probed, short.finished) == (200, False)

    report = harness.run()
    assert (report.probed, report.finished) == (300, True)


def test_lag_is_how_long_the_most_overdue_record_was_due(harness):
    harness.connect()
    harness.connect("c2")
    assert harness.run(10 * MINUTE + 45).lag_seconds == 45


def test_run_report_is_logged_in_camel_case_and_published_as_metrics(harness):
    harness.connect(token_seconds=5 * MINUTE)
    report = harness.run(4 * MINUTE)

    assert report.as_dict() == {
        "connections": 1,
        "warned": 1,
        "handedOver": 0,
        "probed": 0,
        "closed": 0,
        "revoked": 0,
        "outlived": 0,
        "gone": 0,
        "postponed": 0,
        "eventsTrimmed": 0,
        "failures": 0,
        "lagSeconds": 30,
        "finished": True,
    }
    assert {metric.name: value for metric, value in report.metrics()} == {
        "ConnectionCount": 1,
        "TokenWarnings": 1,
        "HandOvers": 0,
        "ExpiredConnectionsClosed": 0,
        "RevokedConnectionsClosed": 0,
        "LostConnectionsRemoved": 0,
        "UpkeepFailures": 0,
        "UpkeepLag": 30,
    }
