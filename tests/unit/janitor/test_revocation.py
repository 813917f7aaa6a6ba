"""Connections whose token was revoked, over the in-memory stores."""

import time
from dataclasses import dataclass, field

import pytest

from janitor.memory import MemoryLeases
from janitor.revocation import Revoker
from janitor.run_report import RunReport
from janitor.share import Share
from realtime_core.auth.base import Revocation
from realtime_core.auth.memory import MemoryRevocations
from realtime_core.connections.base import Connection
from realtime_core.connections.memory import MemoryConnections
from realtime_core.errors import StoreUnavailable
from realtime_core.lifetimes import HANDSHAKE_SECONDS_MAX
from realtime_core.push.memory import MemoryManagementApi
from realtime_core.subscriptions.memory import MemorySubscriptions
from realtime_core.wire.strict_json import loads

NOW = 1_795_382_480
MINUTE = 60
HOUR = 60 * MINUTE
ENOUGH_SECONDS = 10.0


@dataclass
class RevocationHarness:
    """In-memory stores, and a revoker that runs at `now`."""

    connections: MemoryConnections = field(default_factory=MemoryConnections)
    revocations: MemoryRevocations = field(default_factory=MemoryRevocations)
    poster: MemoryManagementApi = field(default_factory=MemoryManagementApi)
    now: int = NOW

    def __post_init__(self):
        self.subscriptions = MemorySubscriptions(self.connections)
        self.leases = MemoryLeases()
        self.revoker = self.new_revoker()

    def new_revoker(self, timer=time.monotonic):
        return Revoker(
            revocations=self.revocations,
            connections=self.connections,
            subscriptions=self.subscriptions,
            poster=self.poster,
            leases=self.leases,
            clock=lambda: self.now,
            timer=timer,
        )

    def connect(
        self, connection_id="c1", *, user_id="ann", issued_at=NOW - MINUTE, token_id=None, topic="a", at=NOW
    ):
        self.connections.add(
            Connection(connection_id, user_id, at, NOW + HOUR, issued_at=issued_at, token_id=token_id)
        )
        if topic:
            self.subscriptions.subscribe(connection_id, topic, "{}", NOW)

    def revoke(self, user_id="ann", before=NOW, token_id=None):
        self.revocations.revoke(Revocation(user_id, before, self.now, token_id))

    def run(self, after=0):
        self.now += after
        report = RunReport()
        self.revoker.run(ENOUGH_SECONDS, f"run-{self.now}", report)
        return report

    def connected(self):
        return set(self.connections.records)


@pytest.fixture
def harness():
    return RevocationHarness()


def test_connections_of_a_revoked_user_are_closed_and_removed(harness):
    harness.connect("c1")
    harness.connect("c2")
    harness.connect("c3", user_id="ben")
    harness.revoke()

    assert harness.run().revoked == 2

    assert sorted(harness.poster.closed) == ["c1", "c2"]
    [last_frame] = harness.poster.received["c1"]
    assert loads(last_frame)["data"] == {"reason": "revoked", "reconnect": True}
    assert harness.connected() == {"c3"}
    groups = list(harness.subscriptions.groups("a", NOW))
    assert [ids for _, ids in harness.subscriptions.members(groups, NOW)] == [["c3"]]


def test_connection_with_a_newer_token_stays(harness):
    harness.connect("old", issued_at=NOW)
    harness.connect("new", issued_at=NOW + 1)
    harness.revoke(before=NOW)

    harness.run()

    assert harness.connected() == {"new"}


def test_connection_refreshed_with_a_newer_token_stays(harness):
    harness.connect()
    harness.connections.extend("c1", NOW + 2 * HOUR, NOW + 1, None)
    harness.revoke(before=NOW)

    assert harness.run().revoked == 0
    assert harness.connected() == {"c1"}


def test_revoked_token_closes_only_its_own_connections(harness):
    harness.connect("c1", token_id="stolen")
    harness.connect("c2", token_id="other")
    harness.connect("c3")
    harness.revoke(token_id="stolen")

    harness.run()

    assert harness.connected() == {"c2", "c3"}


def test_handshake_in_progress_is_closed_by_the_next_run(harness):
    harness.revoke()
    harness.run(1)
    harness.connect()

    assert harness.run(MINUTE).revoked == 1


@pytest.mark.parametrize("first_run", [1, 2 * MINUTE])
def test_revoked_connection_that_opens_after_it_was_to_be_closed_is_closed_by_the_next_run(
    harness, first_run
):
    """Its record has to stay until then: without it nobody would find the open connection again."""
    harness.revoke()
    harness.connect(topic=None, at=NOW + first_run - 1)
    harness.poster.answers["c1"] = [410, 200]

    assert harness.run(first_run).revoked == 0
    assert harness.connected() == {"c1"}

    assert harness.run(MINUTE).revoked == 1
    assert (harness.poster.closed, harness.connected()) == (["c1"], set())


def test_revoked_connection_that_was_open_and_is_gone_is_removed_at_once(harness):
    harness.connect("subscribed")
    harness.connect("old", topic=None, at=NOW - HANDSHAKE_SECONDS_MAX)
    harness.poster.answers = {"subscribed": [410], "old": [410]}
    harness.revoke()

    assert harness.run().revoked == 2
    assert harness.connected() == set()


def test_revocation_is_applied_three_times_however_many_processes_there_are(harness):
    harness.revoke()
    lookups = []
    of_user = harness.connections.of_user
    harness.connections.of_user = lambda user_id: lookups.append(harness.now - NOW) or of_user(user_id)

    for _ in range(20):
        harness.revoker = harness.new_revoker()
        harness.run(30)

    assert lookups == [30, 60, 330]


def test_revocation_by_a_clock_that_is_behind_is_applied(harness):
    """It appears among those that were worked off already."""
    harness.connect()
    harness.revoke("ben")
    harness.run()
    harness.now += 2 * MINUTE
    harness.revoke("ben")
    harness.run()
    harness.revocations.revoke(Revocation("ann", NOW, NOW - 2 * MINUTE))

    assert sum(harness.run(30).revoked for _ in range(12)) == 1


def test_many_revocations_go_on_where_the_last_run_stopped(harness):
    for number in range(1_000):
        harness.connect(f"c{number}", user_id=f"user-{number}")
        harness.revoke(f"user-{number}")
    ticks = iter(range(100))

    short = harness.new_revoker(timer=lambda: next(ticks))
    report = RunReport()
    short.run(2, "short", report)
    assert (report.revoked, report.finished) == (400, False)

    assert harness.run().revoked == 600
    assert harness.connected() == set()


def test_shares_close_the_connections_of_different_users(harness):
    for number in range(40):
        harness.connect(f"c{number}", user_id=f"user-{number}")
        harness.revoke(f"user-{number}")

    reports = [RunReport(), RunReport()]
    for number, report in enumerate(reports):
        harness.revoker.run(ENOUGH_SECONDS, f"run-{number}", report, Share(number, 2))

    assert sum(report.revoked for report in reports) == 40
    assert all(report.revoked for report in reports)


def test_connection_that_cannot_be_closed_holds_up_no_other(harness):
    """Nor is it forgotten: it is closed when that succeeds again."""
    close = harness.poster.close

    def fail_for_one(ids):
        if "c0" in ids:
            raise StoreUnavailable("it stays open")
        return close(ids)

    for number in range(250):
        harness.connect(f"c{number}", user_id=f"user-{number:03}")
        harness.revoke(f"user-{number:03}")
    harness.poster.close = fail_for_one

    assert harness.run().failures == 1
    assert harness.connected() == {f"c{number}" for number in range(100)}
    harness.poster.close = close
    assert harness.run(MINUTE).revoked == 100


def test_outage_loses_no_revocation(harness):
    for number in range(1_000):
        harness.connect(f"c{number}", user_id=f"user-{number}")
        harness.revoke(f"user-{number}")
    harness.poster.down = True
    for _ in range(15):
        harness.run(MINUTE)
    harness.poster.down = False

    assert harness.run(MINUTE).revoked == 1_000


def test_revocation_is_applied_for_as_long_as_a_connection_may_live(harness):
    harness.connect()
    harness.revoke()
    assert harness.run(2 * HOUR).revoked == 1

    harness.connect()
    harness.revoker = harness.new_revoker()
    assert harness.run(5 * MINUTE).revoked == 0


def test_connection_that_could_not_be_closed_is_closed_by_the_next_run(harness):
    harness.connect()
    harness.revoke()
    harness.poster.down = True
    report = harness.run(2 * MINUTE)
    assert (report.revoked, report.failures) == (0, 1)
    assert harness.connected() == {"c1"}

    harness.poster.down = False
    assert harness.run(MINUTE).revoked == 1


def test_store_that_is_down_is_counted_and_not_raised(harness):
    harness.connect()
    harness.revoke()
    harness.revocations.down = True
    assert harness.run().failures == 1
    harness.revocations.down = False
    assert harness.run().revoked == 1
