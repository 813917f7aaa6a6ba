"""A run of the janitor over the twins of the stores, by a clock that the tests move."""

import json
from dataclasses import dataclass, field

import pytest

from janitor.janitor import Janitor
from realtime_core.connections.base import Connection
from realtime_core.connections.memory import MemoryConnections, MemorySchedule
from realtime_core.errors import StoreUnavailable
from realtime_core.push.memory import MemoryManagementApi
from realtime_core.subscriptions.memory import MemorySubscriptions
from tests.contract.ports.cases import at_once

NOW = 1_795_382_480
MINUTE = 60
HOUR = 60 * MINUTE
EVER = 10.0


@dataclass
class House:
    """Connections, and the janitor that tends them at `now`."""

    connections: MemoryConnections = field(default_factory=MemoryConnections)
    poster: MemoryManagementApi = field(default_factory=MemoryManagementApi)
    now: int = NOW

    def __post_init__(self):
        self.subscriptions = MemorySubscriptions(self.connections)
        self.upkeep = MemorySchedule(self.connections)
        self.janitor = self.another()

    def another(self, **changes):
        parts = {
            "upkeep": self.upkeep,
            "connections": self.connections,
            "subscriptions": self.subscriptions,
            "poster": self.poster,
            "clock": lambda: self.now,
        }
        return Janitor(**parts | changes)

    def enters(self, connection_id="c1", *, token_seconds=24 * HOUR, topics=()):
        self.connections.add(Connection(connection_id, "ann", self.now, self.now + token_seconds))
        for topic in topics:
            self.subscriptions.subscribe(connection_id, topic, "{}", self.now)

    def run(self, after=0):
        self.now += after
        return self.janitor.run(EVER)

    def run_each_minute(self, minutes):
        return [self.run(MINUTE) for _ in range(minutes)]

    def heard(self, connection_id="c1"):
        return [json.loads(frame) for frame in self.poster.received.get(connection_id, [])]

    def members(self, topic):
        groups = self.subscriptions.groups(topic, self.now)
        return [one for _, members in self.subscriptions.members(groups, self.now) for one in members]


@pytest.fixture
def house():
    return House()


def test_a_connection_that_needs_nothing_is_left_alone(house):
    house.enters()
    tally = house.run(MINUTE)
    assert (tally.connections, tally.probed, tally.lag_seconds, tally.finished) == (1, 0, 0, True)
    assert house.heard() == []


def test_a_whole_life_is_one_hand_over_and_its_end(house):
    house.enters(topics=["a"])
    tallies = house.run_each_minute(122)

    [frame] = house.heard()
    assert frame["type"] == "reconnect"
    assert frame["data"]["reason"] == "connectionLifetime"
    assert 60 <= frame["data"]["graceSeconds"] <= 600
    assert 110 * MINUTE <= frame["timestamp"] - NOW <= 119 * MINUTE
    assert [sum(t.handed_over for t in tallies), sum(t.outlived for t in tallies)] == [1, 1]
    assert sum(t.probed for t in tallies) == 11, "each ten minutes, and the hand-over spares one"
    assert house.connections.records == {}
    assert house.members("a") == []
    assert house.poster.closed == [], "API Gateway has cut it"


def test_a_token_is_warned_of_once_and_the_connection_closed(house):
    house.enters(token_seconds=5 * MINUTE, topics=["a"])

    [*quiet, warned, _] = house.run_each_minute(5)
    assert [t.warned for t in quiet] == [0, 0, 0]
    assert warned.warned == 1
    [frame] = house.heard()
    assert frame == {
        "type": "tokenExpiring",
        "data": {"expiresAt": NOW + 5 * MINUTE},
        "timestamp": NOW + 4 * MINUTE,
    }
    assert house.poster.closed == []

    assert house.run(59).closed == 0
    assert house.run(1).closed == 1
    assert house.poster.closed == ["c1"]
    assert (house.connections.records, house.members("a")) == ({}, [])
    assert len(house.heard()) == 1


def test_a_refresh_keeps_the_connection_and_moves_the_warning(house):
    house.enters(token_seconds=5 * MINUTE)
    house.run(5 * MINUTE)
    house.connections.extend("c1", NOW + 8 * MINUTE)

    tallies = house.run_each_minute(3)

    assert [t.warned for t in tallies] == [0, 1, 0]
    assert [frame["data"]["expiresAt"] - NOW for frame in house.heard()] == [5 * MINUTE, 8 * MINUTE]
    assert house.poster.closed == []
    house.connections.extend("c1", NOW + 24 * HOUR)
    assert [t.closed for t in house.run_each_minute(10)] == [0] * 10


def test_a_refresh_by_a_few_seconds_is_warned_of_in_time(house):
    house.enters(token_seconds=3 * MINUTE)
    house.run(2 * MINUTE)
    house.connections.extend("c1", NOW + 3 * MINUTE + 10)

    house.run()

    assert [frame["data"]["expiresAt"] - NOW for frame in house.heard()] == [180, 190]


def test_a_refresh_spares_a_probe(house):
    house.enters()
    house.run(9 * MINUTE)
    house.connections.extend("c1", NOW + 48 * HOUR)

    assert [t.probed for t in house.run_each_minute(11)] == [0] * 10 + [1]


def test_a_refresh_that_comes_while_the_connection_is_being_closed_is_too_late(house):
    house.enters(token_seconds=MINUTE)
    late = []
    close = house.poster.close
    house.poster.close = lambda ids: (late.append(house.connections.extend("c1", NOW + HOUR)), close(ids))

    house.run(2 * MINUTE)

    assert late == [None]
    assert house.poster.closed == ["c1"]


def test_who_left_without_a_word_is_found_by_a_probe(house):
    house.enters("gone", topics=["a", "b"])
    house.enters("there", topics=["a"])
    house.poster.answers["gone"] = [410]

    tallies = house.run_each_minute(10)

    assert [t.gone for t in tallies] == [0] * 9 + [1]
    assert set(house.connections.records) == {"there"}
    assert (house.members("a"), house.members("b")) == (["there"], [])
    assert house.run(MINUTE).connections == 1


def test_who_left_without_a_word_is_found_by_a_frame_too(house):
    house.enters(token_seconds=5 * MINUTE, topics=["a"])
    house.poster.answers["c1"] = [410]

    tally = house.run(4 * MINUTE)

    assert (tally.warned, tally.gone) == (0, 1)
    assert (house.connections.records, house.members("a")) == ({}, [])


def test_both_frames_may_be_due_at_once(house):
    house.enters(token_seconds=119 * MINUTE)
    house.run(118 * MINUTE)
    assert [frame["type"] for frame in house.heard()] == ["tokenExpiring", "reconnect"]


@pytest.mark.parametrize("status", [429, 500, 403])
def test_a_frame_that_could_not_be_sent_is_sent_by_the_next_run(house, status):
    house.enters(token_seconds=5 * MINUTE)
    house.poster.answers["c1"] = [status]
    assert house.run(4 * MINUTE).postponed == 1

    house.poster.answers.clear()
    assert house.run(10).warned == 1
    assert house.run(10).warned == 0
    assert len(house.heard()) == 1


def test_a_probe_that_was_not_answered_is_made_again(house):
    house.enters()
    house.poster.answers["c1"] = [429]
    assert house.run(10 * MINUTE).postponed == 1

    house.poster.answers["c1"] = [410]
    assert house.run(MINUTE).gone == 1


def test_a_connection_that_could_not_be_closed_is_closed_when_the_claim_ends(house):
    house.enters(token_seconds=MINUTE, topics=["a"])
    house.poster.down = True
    tally = house.run(2 * MINUTE)
    assert (tally.closed, tally.failures) == (0, 1)
    assert "c1" in house.connections.records

    house.poster.down = False
    assert [t.closed for t in house.run_each_minute(2)] == [0, 1]
    assert (house.connections.records, house.members("a")) == ({}, [])


def test_a_run_that_dies_leaves_its_work_to_a_later_one(house):
    house.enters(token_seconds=5 * MINUTE)
    [record] = next(house.upkeep.due(NOW + HOUR))
    house.upkeep.claim(record, NOW + 6 * MINUTE)

    assert house.run(5 * MINUTE).warned == 0
    assert house.run(MINUTE - 1).warned == 0
    assert house.run(1).closed == 1, "by now its token has run out for a minute"


def test_a_fault_in_one_kind_of_work_leaves_the_others_alone(house):
    house.enters("expired", token_seconds=4 * MINUTE)
    house.enters("expiring", token_seconds=6 * MINUTE)
    house.now += 5 * MINUTE

    def cannot(_ids):
        raise StoreUnavailable("closing fails")

    house.poster.close = cannot
    tally = house.run()

    assert (tally.failures, tally.warned) == (1, 1)


def test_a_store_that_is_down_is_counted_and_not_raised(house):
    house.enters()
    house.upkeep.down = True
    tally = house.run(HOUR)
    assert (tally.connections, tally.failures) == (None, 1)
    names = [metric.name for metric, _ in tally.metrics()]
    assert "ConnectionCount" not in names, "no figure is better than a wrong one"


def test_what_cannot_be_counted_is_tended_all_the_same(house):
    def cannot():
        raise StoreUnavailable("counting fails")

    house.enters()
    house.upkeep.count = cannot
    tally = house.run(10 * MINUTE)
    assert (tally.connections, tally.probed) == (None, 1)


def test_two_runs_at_once_send_and_close_each_thing_once(house):
    for n in range(100):
        house.enters(f"expiring{n}", token_seconds=5 * MINUTE)
        house.enters(f"expired{n}", token_seconds=MINUTE)
    house.now += 5 * MINUTE - 30

    tallies = at_once(*[lambda: house.another().run(EVER)] * 4)

    assert sum(tally.warned for tally in tallies) == 100
    assert {len(house.heard(f"expiring{n}")) for n in range(100)} == {1}
    assert sorted(house.poster.closed) == sorted(f"expired{n}" for n in range(100))
    assert len(house.connections.records) == 100


def test_a_run_begins_no_page_when_its_time_is_up_and_the_next_goes_on(house):
    for n in range(500):
        house.enters(f"c{n:03}")
    house.now += 10 * MINUTE
    ticks = iter(range(100))

    short = house.another(timer=lambda: next(ticks)).run(2)
    assert (short.probed, short.finished) == (200, False)

    tally = house.run()
    assert (tally.probed, tally.finished) == (300, True)


def test_the_longest_overdue_is_how_far_runs_are_behind(house):
    house.enters()
    house.enters("c2")
    assert house.run(10 * MINUTE + 45).lag_seconds == 45


def test_tally_is_told_in_camel_case_and_as_metrics(house):
    house.enters(token_seconds=5 * MINUTE)
    tally = house.run(4 * MINUTE)

    assert tally.as_dict() == {
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
    assert {metric.name: value for metric, value in tally.metrics()} == {
        "ConnectionCount": 1,
        "TokenWarnings": 1,
        "HandOvers": 0,
        "ExpiredConnectionsClosed": 0,
        "RevokedConnectionsClosed": 0,
        "LostConnectionsRemoved": 0,
        "UpkeepFailures": 0,
        "UpkeepLag": 30,
    }
