"""The maximum of a user's connections, over the in-memory stores."""

from dataclasses import dataclass, field

import pytest

from connection_handler.connection_limit import HAND_OVERS, ConnectionLimit
from connection_handler.room import FULL_SECONDS, PROBES_MAX, Room
from realtime_core.connections.base import Connection
from realtime_core.connections.memory import MemoryConnections
from realtime_core.push.memory import MemoryManagementApi
from realtime_core.subscriptions.memory import MemorySubscriptions
from realtime_core.wire.strict_json import loads

NOW = 1_795_382_480
HOUR = 3_600
MAXIMUM = 20


@dataclass
class Handshakes:
    """A user's connections, and the limit that the next handshake meets."""

    connections: MemoryConnections = field(default_factory=MemoryConnections)
    gateway: MemoryManagementApi = field(default_factory=MemoryManagementApi)
    asked: list = field(default_factory=list)
    now: int = NOW

    def __post_init__(self):
        self.subscriptions = MemorySubscriptions(self.connections)
        probe = self.gateway.probe
        self.gateway.probe = lambda ids, budget: self.asked.append(list(ids)) or probe(ids, budget)
        self.limit = self.new_limit()

    def new_limit(self, maximum=MAXIMUM, *, replace_oldest=False):
        maximum -= HAND_OVERS
        room = Room(self.connections, self.subscriptions, self.gateway, replace_oldest=replace_oldest)
        return ConnectionLimit(self.connections, maximum, lambda: room)

    def open(self, count, *, gone=(), age=10 * HOUR // 20):
        """Open connections, the first the longest ago; API Gateway has lost those numbered in `gone`."""
        for number in range(count):
            at = self.now - age + number
            self.connections.add(Connection(f"c{number}", "ann", at, self.now + HOUR))
            self.subscriptions.subscribe(f"c{number}", "a", "{}", self.now)
            if number in gone:
                self.gateway.answers[f"c{number}"] = [410]

    def admits(self, limit=None):
        return (limit or self.limit).admits("ann", self.now)

    def members(self):
        groups = list(self.subscriptions.groups("a", self.now))
        return {item for _, members in self.subscriptions.members(groups, self.now) for item in members}


@pytest.fixture
def handshakes():
    return Handshakes()


def test_below_the_maximum_nobody_is_asked_for(handshakes):
    handshakes.open(MAXIMUM - 1, gone=range(10))
    assert handshakes.admits()
    assert handshakes.asked == []
    assert len(handshakes.connections.records) == MAXIMUM - 1


def test_phone_that_lost_its_network_twenty_times_gets_in(handshakes):
    """Its ghosts are not the oldest: a desk that has been there all the time is."""
    handshakes.open(MAXIMUM, gone=range(1, MAXIMUM))
    assert handshakes.admits()
    assert set(handshakes.connections.records) == {"c0"}
    assert handshakes.members() == {"c0"}


def test_one_ghost_makes_room_for_one(handshakes):
    handshakes.open(MAXIMUM, gone=[7])
    assert handshakes.admits()
    assert len(handshakes.connections.records) == MAXIMUM - 1


def test_maximum_that_is_all_there_refuses(handshakes):
    handshakes.open(MAXIMUM)
    assert not handshakes.admits()
    assert len(handshakes.connections.records) == MAXIMUM
    assert handshakes.gateway.closed == []


def test_client_that_tries_again_and_again_costs_no_further_probes(handshakes):
    handshakes.open(MAXIMUM)
    for _ in range(100):
        assert not handshakes.admits()
    assert len(handshakes.asked) == 1

    handshakes.now += FULL_SECONDS
    handshakes.gateway.answers["c3"] = [410]
    assert handshakes.admits()


def test_connection_in_its_handshake_is_not_taken_for_gone(handshakes):
    handshakes.open(MAXIMUM, gone=range(MAXIMUM), age=20)
    assert not handshakes.admits()
    assert len(handshakes.connections.records) == MAXIMUM


def test_connection_that_does_not_answer_counts(handshakes):
    handshakes.open(MAXIMUM)
    handshakes.gateway.down = True
    assert not handshakes.admits()
    assert len(handshakes.connections.records) == MAXIMUM


def test_at_most_fifty_are_asked_for_the_oldest(handshakes):
    handshakes.open(200)
    assert not handshakes.admits(handshakes.new_limit(200))
    assert handshakes.asked == [[f"c{number}" for number in range(PROBES_MAX)]]


def test_ghosts_that_cannot_be_removed_do_not_lock_out(handshakes):
    handshakes.open(MAXIMUM, gone=[7])
    handshakes.subscriptions.down = True
    assert handshakes.admits()


def test_newest_replaces_the_oldest_by_the_option(handshakes):
    handshakes.open(MAXIMUM)
    assert handshakes.admits(handshakes.new_limit(replace_oldest=True))
    assert handshakes.gateway.closed == ["c0"]
    [last_frame] = handshakes.gateway.received["c0"]
    assert loads(last_frame)["data"] == {"reason": "replaced", "reconnect": False}
    assert "c0" not in handshakes.connections.records
    assert handshakes.members() == {f"c{number}" for number in range(1, MAXIMUM)}


def test_ghosts_go_before_the_oldest_does(handshakes):
    handshakes.open(MAXIMUM, gone=[5])
    assert handshakes.admits(handshakes.new_limit(replace_oldest=True))
    assert handshakes.gateway.closed == []
    assert set(handshakes.connections.records) == {f"c{n}" for n in range(MAXIMUM) if n != 5}


def test_maximum_that_was_lowered_closes_as_many_as_are_too_many(handshakes):
    handshakes.open(MAXIMUM)
    assert handshakes.admits(handshakes.new_limit(5, replace_oldest=True))
    assert handshakes.gateway.closed == [f"c{number}" for number in range(16)]


def test_oldest_that_cannot_be_closed_keeps_its_place(handshakes):
    handshakes.open(MAXIMUM)
    handshakes.gateway.down = True
    assert not handshakes.admits(handshakes.new_limit(replace_oldest=True))
    assert len(handshakes.connections.records) == MAXIMUM
