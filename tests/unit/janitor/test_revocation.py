"""Connections by tokens that were taken back, over the twins of the stores."""

from dataclasses import dataclass, field

import pytest

from janitor.revocation import Revoker
from janitor.run_report import Tally
from realtime_core.adapters.memory import (
    MemoryConnections,
    MemoryPoster,
    MemoryRevocations,
    MemorySubscriptions,
)
from realtime_core.domain.model import Connection
from realtime_core.domain.revocations import Revocation

NOW = 1_795_382_480
MINUTE = 60
HOUR = 60 * MINUTE


@dataclass
class House:
    connections: MemoryConnections = field(default_factory=MemoryConnections)
    revocations: MemoryRevocations = field(default_factory=MemoryRevocations)
    poster: MemoryPoster = field(default_factory=MemoryPoster)
    now: int = NOW

    def __post_init__(self):
        self.subscriptions = MemorySubscriptions(self.connections)
        self.revoker = self.another()

    def another(self):
        return Revoker(
            revocations=self.revocations,
            connections=self.connections,
            subscriptions=self.subscriptions,
            poster=self.poster,
            clock=lambda: self.now,
        )

    def enters(self, connection_id="c1", user_id="ann", issued_at=NOW - MINUTE, token_id=None):
        self.connections.add(
            Connection(connection_id, user_id, NOW, NOW + HOUR, issued_at=issued_at, token_id=token_id)
        )
        self.subscriptions.subscribe(connection_id, "a", "{}", NOW)

    def revokes(self, user_id="ann", before=NOW, token_id=None):
        self.revocations.revoke(Revocation(user_id, before, self.now, token_id))

    def run(self, after=0):
        self.now += after
        tally = Tally()
        self.revoker.run(tally)
        return tally

    def there(self):
        return set(self.connections.records)


@pytest.fixture
def house():
    return House()


def test_a_revoked_users_connections_are_closed_and_forgotten(house):
    house.enters("c1")
    house.enters("c2")
    house.enters("c3", user_id="ben")
    house.revokes()

    assert house.run().revoked == 2

    assert sorted(house.poster.closed) == ["c1", "c2"]
    assert house.there() == {"c3"}
    groups = house.subscriptions.groups("a", NOW)
    assert [ids for _, ids in house.subscriptions.members(groups, NOW)] == [["c3"]]


def test_a_connection_by_a_newer_token_stays(house):
    house.enters("old", issued_at=NOW)
    house.enters("new", issued_at=NOW + 1)
    house.revokes(before=NOW)

    house.run()

    assert house.there() == {"new"}


def test_a_connection_that_was_refreshed_by_a_newer_token_stays(house):
    house.enters()
    house.connections.extend("c1", NOW + 2 * HOUR, NOW + 1, None)
    house.revokes(before=NOW)

    assert house.run().revoked == 0
    assert house.there() == {"c1"}


def test_one_revoked_token_closes_the_connections_by_it_alone(house):
    house.enters("c1", token_id="stolen")
    house.enters("c2", token_id="other")
    house.enters("c3")
    house.revokes(token_id="stolen")

    house.run()

    assert house.there() == {"c2", "c3"}


def test_a_connect_that_was_under_way_is_closed_by_the_next_look(house):
    house.revokes()
    house.run(1)
    house.enters()

    assert house.run(MINUTE).revoked == 1


def test_a_settled_revocation_is_not_looked_at_again(house):
    house.revokes()
    looks = []
    of_user = house.connections.of_user
    house.connections.of_user = lambda user_id: looks.append(house.now - NOW) or of_user(user_id)

    for _ in range(5):
        house.run(30)

    assert looks == [30, 60, 90]
    house.revoker = house.another()
    house.run(30)
    assert looks == [30, 60, 90, 180], "a new process knows of nothing, and looks once"


def test_a_revocation_is_looked_for_as_long_as_a_connection_may_live(house):
    house.enters()
    house.revokes()
    assert house.run(2 * HOUR).revoked == 1

    house.enters()
    house.revoker = house.another()
    assert house.run(5 * MINUTE).revoked == 0


def test_a_connection_that_could_not_be_closed_is_closed_by_the_next_run(house):
    house.enters()
    house.revokes()
    house.poster.down = True
    tally = house.run(2 * MINUTE)
    assert (tally.revoked, tally.failures) == (0, 1)
    assert house.there() == {"c1"}

    house.poster.down = False
    assert house.run(MINUTE).revoked == 1


def test_a_store_that_is_down_is_counted_and_not_raised(house):
    house.enters()
    house.revokes()
    house.revocations.down = True
    assert house.run().failures == 1
    house.revocations.down = False
    assert house.run().revoked == 1
