"""Runs of the janitor: notices, closings, shares and failures."""

import pytest

from janitor.share import Share
from realtime_core.errors import StoreUnavailable
from realtime_core.lifetimes import CLOSE_AFTER_SECONDS
from tests.contract.support.cases import at_once
from tests.unit.janitor.harness import ENOUGH_SECONDS, HOUR, MINUTE, NOW, JanitorHarness


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
    assert sum(report.probed for report in reports) in {10, 11}, (
        "each ten minutes, but the hand-over spares some"
    )
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
    assert harness.frames()[1:] == [
        {
            "type": "closing",
            "data": {"reason": "expired", "reconnect": True},
            "timestamp": NOW + 5 * MINUTE + CLOSE_AFTER_SECONDS,
        }
    ]


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


def test_partition_of_another_run_is_left_to_it(harness):
    for number in range(10):
        harness.connect(f"c{number}", token_seconds=5 * MINUTE)
    harness.now += 5 * MINUTE
    harness.leases.take("due#0", "other", harness.now, harness.now + 50)

    report = harness.run()

    assert report.left_to_others == 1
    assert 0 < report.warned < 10
    assert report.connections is None, "the other run has not noted its count"
    assert report.warned + harness.run(50).warned == 10


def test_shares_together_do_everything_once(harness):
    for number in range(40):
        harness.connect(f"c{number}", token_seconds=5 * MINUTE)
    harness.now += 5 * MINUTE

    reports = [harness.janitor.run(ENOUGH_SECONDS, f"run-{n}", Share(n, 2)) for n in (1, 0)]

    assert sum(report.warned for report in reports) == 40
    assert all(report.warned for report in reports)
    assert [report.connections for report in reports] == [None, 40], "one publishes the number of all"


def test_number_of_connections_is_unknown_when_another_share_has_not_run_lately(harness):
    for number in range(10):
        harness.connect(f"c{number}")
    assert harness.janitor.run(ENOUGH_SECONDS, "first", Share(0, 2)).connections is None
    harness.janitor.run(ENOUGH_SECONDS, "second", Share(1, 2))
    assert harness.janitor.run(ENOUGH_SECONDS, "third", Share(0, 2)).connections == 10
    harness.now += 6 * MINUTE
    assert harness.janitor.run(ENOUGH_SECONDS, "fourth", Share(0, 2)).connections is None


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
    harness.now += 4 * MINUTE
    for partition in range(2):
        harness.leases.take(f"due#{partition}", "dead", harness.now, harness.now + 55)

    assert harness.run().warned == 0
    assert harness.run(MINUTE).warned == 1, "the run of the next minute finds its leases ended"


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
    assert report.connections is None
    assert report.failures > 0
    names = [metric.name for metric, _ in report.metrics()]
    assert "ConnectionCount" not in names, "no figure is better than a wrong one"


def test_runs_at_once_send_each_notice_and_close_each_connection_once(harness):
    for n in range(100):
        harness.connect(f"expiring{n}", token_seconds=5 * MINUTE)
        harness.connect(f"expired{n}", token_seconds=MINUTE)
    harness.now += 5 * MINUTE - 30

    reports = at_once(*[lambda n=n: harness.new_janitor().run(ENOUGH_SECONDS, f"run-{n}") for n in range(4)])
    reports.append(harness.run())

    assert sum(report.warned for report in reports) == 100
    assert {len(harness.frames(f"expiring{n}")) for n in range(100)} == {1}
    assert sorted(harness.poster.closed) == sorted(f"expired{n}" for n in range(100))
    assert len(harness.connections.records) == 100


def test_run_whose_time_is_up_starts_no_page_and_the_next_run_continues(harness):
    for n in range(900):
        harness.connect(f"c{n:03}", token_seconds=11 * MINUTE)
    harness.now += 10 * MINUTE
    ticks = iter(range(1_000))

    short = harness.new_janitor(timer=lambda: next(ticks)).run(3, "short")
    assert (short.warned, short.finished) == (400, False)

    report = harness.run()
    assert (report.warned, report.finished) == (500, True)


def test_lag_is_how_long_the_most_overdue_record_was_due(harness):
    harness.connect(token_seconds=10 * MINUTE + 90)
    harness.connect("c2", token_seconds=HOUR)
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
        "probeLagSeconds": 0,
        "leftToOthers": 0,
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
