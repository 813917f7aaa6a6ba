"""Probes: connections that were lost without a `$disconnect` are found, once an interval."""

import threading
from dataclasses import replace

import pytest

from realtime_core.errors import StoreUnavailable
from realtime_core.lifetimes import HANDSHAKE_SECONDS_MAX
from tests.unit.janitor.harness import ENOUGH_SECONDS, HOUR, MINUTE, NOW, JanitorHarness


@pytest.fixture
def harness():
    return JanitorHarness()


def test_notice_spares_a_probe(harness):
    """It was heard of when the notice reached it, so it is asked for an interval later at the earliest."""
    harness.connect(token_seconds=30 * MINUTE)
    reports = harness.run_each_minute(30)
    harness.connections.extend("c1", NOW + 24 * HOUR)

    assert sum(report.probed for report in reports[:28]) == 2, "each ten minutes"
    assert [report.warned for report in reports[28:]] == [1, 0]
    assert sum(report.probed for report in reports[28:]) == 0


def test_probe_costs_no_write(harness):
    harness.connect()
    harness.run(9 * MINUTE)
    before = dict(harness.connections.schedule)

    assert harness.run(10 * MINUTE).probed == 1
    assert harness.connections.schedule == before


def test_probes_are_spread_over_the_interval(harness):
    for number in range(1_000):
        harness.connect(f"c{number}")
    harness.run(20 * MINUTE)

    reports = harness.run_each_minute(10)

    assert all(90 <= report.probed <= 110 for report in reports), [report.probed for report in reports]
    assert max(report.probe_lag_seconds for report in reports) <= 2, "less than one record's share"


def test_round_of_probes_reaches_every_connection_once(harness):
    asked = []
    probe = harness.poster.probe
    harness.poster.probe = lambda ids, budget: asked.extend(ids) or probe(ids, budget)
    for number in range(1_000):
        harness.connect(f"c{number}")
    harness.run(20 * MINUTE)
    asked.clear()

    harness.run_each_minute(10)
    assert len(asked) == len(set(asked))
    harness.run(MINUTE)

    assert sorted(set(asked)) == sorted(f"c{number}" for number in range(1_000))
    assert len(asked) <= 1_110


def test_duties_come_before_probes(harness):
    for number in range(600):
        harness.connect(f"silent{number}")
        harness.connect(f"expiring{number}", token_seconds=21 * MINUTE)
    harness.now += 20 * MINUTE
    ticks = iter(range(1_000))

    short = harness.new_janitor(timer=lambda: next(ticks)).run(8, "short")

    assert short.warned == 600
    assert 0 < short.probed < 600
    assert short.probe_lag_seconds > 0


def test_pages_of_several_partitions_are_under_way_at_once(harness):
    """One after the other, the first would wait in vain for a second."""
    together = threading.Barrier(2, timeout=10)
    for number in range(40):
        harness.connect(f"c{number}")
    harness.now += 20 * MINUTE
    probe = harness.poster.probe

    def meet(connection_ids, budget):
        together.wait()
        return probe(connection_ids, budget)

    harness.poster.probe = meet
    assert harness.run().probed == 40


def test_connection_lost_without_disconnect_is_removed_by_a_probe(harness):
    harness.connect("gone", topics=["a", "b"])
    harness.connect("there", topics=["a"])
    harness.poster.answers["gone"] = [410]

    reports = harness.run_each_minute(20)

    assert sum(report.gone for report in reports) == 1, "within two intervals"
    assert set(harness.connections.records) == {"there"}
    assert (harness.members("a"), harness.members("b")) == (["there"], [])
    assert harness.run(MINUTE).connections == 1


def test_probe_during_the_handshake_keeps_the_record(harness):
    harness.connect()
    harness.poster.answers["c1"] = [410]
    eager = replace(harness.janitor.prober, probe_seconds=1)

    report = harness.new_janitor(prober=eager).run(ENOUGH_SECONDS, "now")
    assert (report.gone, report.postponed) == (0, 0), "it was heard of when it connected"
    harness.now += 5
    report = harness.new_janitor(prober=eager).run(ENOUGH_SECONDS, "soon")
    assert (report.gone, report.postponed) == (0, 1)
    assert set(harness.connections.records) == {"c1"}

    harness.now += HANDSHAKE_SECONDS_MAX
    assert harness.new_janitor(prober=eager).run(ENOUGH_SECONDS, "later").gone == 1


def test_probe_without_an_answer_is_repeated_in_the_next_round(harness):
    harness.connect()
    harness.poster.answers["c1"] = [429]
    assert harness.run(10 * MINUTE).postponed == 1

    harness.poster.answers["c1"] = [410]
    assert sum(report.gone for report in harness.run_each_minute(10)) == 1


def test_connections_that_cannot_be_counted_are_probed_all_the_same(harness):
    def fail(_partition):
        raise StoreUnavailable("counting fails")

    harness.connect()
    harness.schedule.count = fail
    report = harness.run(10 * MINUTE)
    assert (report.connections, report.probed) == (None, 1)
