"""A hundred thousand connections: the cost of a run grows with what is due, not with what there is.

The DynamoDB adapters run over tables in memory that keep their indexes sorted as DynamoDB does.
"""

from __future__ import annotations

from collections import Counter

import pytest

from janitor.probing import PAGE as PROBE_PAGE
from janitor.run_report import RunReport
from realtime_core.connections.base import Connection
from realtime_core.connections.dynamodb_schedule import PAGE
from realtime_core.connections.schedule import PARTITIONS
from realtime_core.push.memory import MemoryManagementApi
from tests.contract.support.janitor_tables import ITEMS_OF_A_PAGE, JanitorTables, build_janitor

NOW = 1_795_382_480
HOUR = 3_600
MANY = 100_000
FEWER = 20_000
"""Used if all are due at once: the cost grows with their number, so fewer show it as well."""


class ManyConnections:
    """Connections that were opened within `seconds`, a janitor and a revoker."""

    def __init__(self, seconds, size=MANY):
        self.table, self.poster, self.now = JanitorTables(), MemoryManagementApi(), NOW
        for n in range(size):
            at = NOW + n * seconds // size
            self.table.put(Connection(f"c{n:06}", f"user-{n}", at, NOW + 24 * HOUR))
        self.table.sort()
        self.janitor, self.revoker = build_janitor(self.table, self.poster, lambda: self.now)

    def run(self, at):
        self.now, self.table.calls = NOW + at, Counter()
        return self.janitor.run(1_000, f"run-{at}"), self.table.calls


def pages(items, size=PAGE):
    """How many queries so many items take: the last page of each partition is not full."""
    return items // size + 2 * PARTITIONS


LEASES = 2 * PARTITIONS
"""Writes of a run for its leases: take and give back each partition."""


@pytest.fixture(scope="module")
def connections():
    return ManyConnections(seconds=600)


def test_run_with_nothing_due_takes_a_query_for_each_partition_and_the_count(connections):
    connections.run(598)
    report, calls = connections.run(599)

    assert (report.connections, report.probed) == (MANY, 0)
    assert calls["Query"] <= 2 * PARTITIONS, "what is due, and a page of the walk"
    assert calls["Count"] <= MANY // ITEMS_OF_A_PAGE + PARTITIONS
    assert calls["Update"] == LEASES


def test_probes_of_a_minute_take_no_write(connections):
    connections.run(1_800)
    report, calls = connections.run(1_860)

    assert 9_900 < report.probed < 10_100
    assert calls["Update"] == LEASES
    assert calls["Query"] <= PARTITIONS + pages(report.probed, PROBE_PAGE)


def test_hand_over_of_all_at_once_takes_one_write_a_page():
    connections = ManyConnections(seconds=1, size=FEWER)
    # Everything is due at once, as after the janitor was switched off: the worst case.
    report, calls = connections.run(118 * 60 + 1)

    assert report.handed_over == FEWER
    assert calls["Update"] <= pages(FEWER) + LEASES
    assert calls["Query"] <= pages(FEWER) + pages(FEWER, PROBE_PAGE), "what is due, and the first walk"
    assert {len(frames) for frames in connections.poster.received.values()} == {1}


def test_removal_of_all_at_once_takes_one_read_and_one_write_each():
    connections = ManyConnections(seconds=1, size=FEWER)
    report, calls = connections.run(2 * HOUR + 62)

    assert (report.outlived, connections.table.rows) == (FEWER, {})
    assert (calls["Get"], calls["Delete"], calls["Update"]) == (FEWER, FEWER, LEASES)


def test_revoked_user_takes_a_query_and_a_write_and_a_hundredth_of_a_read():
    connections = ManyConnections(seconds=1, size=FEWER)
    for n in range(FEWER // 2):
        connections.table.revoke(f"user-{n}", NOW)
    connections.now, connections.table.calls, report = NOW + 5, Counter(), RunReport()

    connections.revoker.run(1_000, "run", report)

    calls = connections.table.calls
    assert report.revoked == FEWER // 2 == len(connections.table.rows)
    assert (calls["Get"], calls["Delete"]) == (0, FEWER // 2)
    assert FEWER // 2 <= calls["Query"] <= FEWER // 2 + 5
    assert calls["BatchGet"] <= FEWER // 200 + 5
