"""What notices cost on DynamoDB: a write for a page of them, and none for a connection."""

from __future__ import annotations

import pytest

from janitor.duties import Duties
from janitor.janitor import Janitor
from janitor.leases_dynamodb import DynamoLeases
from janitor.probing import Prober
from realtime_core.connections.dynamodb_schedule import DynamoSchedule
from realtime_core.connections.schedule import PARTITIONS, due_with_token
from realtime_core.push.memory import MemoryManagementApi
from tests.contract.support.cases import HOUR, NOW, connection
from tests.contract.support.watched_clients import recording, watching

LEASE_WRITES = 2 * PARTITIONS
NUMBER = 40


class Runs:
    """Runs of the janitor on DynamoDB, at times that the test sets."""

    def __init__(self, dynamodb, stores):
        self.now, self.poster, self.stores = NOW, MemoryManagementApi(), stores
        schedule = DynamoSchedule(dynamodb, "connections")
        duties = Duties(
            schedule=schedule,
            connections=stores.connections,
            subscriptions=stores.subscriptions,
            poster=self.poster,
        )
        self.janitor = Janitor(
            schedule=schedule,
            leases=DynamoLeases(dynamodb, "history"),
            duties=duties,
            prober=Prober(schedule=schedule, duties=duties, poster=self.poster, timer=lambda: 0.0),
            clock=lambda: self.now,
        )

    def run(self, at):
        self.now = at
        return self.janitor.run(10, f"run-{at}")


@pytest.fixture
def runs(dynamodb, dynamo_stores):
    for number in range(NUMBER):
        dynamo_stores.connections.add(connection(f"c{number}"))
    built = Runs(dynamodb, dynamo_stores)
    built.run(NOW)
    return built


def test_warnings_take_at_most_a_write_a_partition(dynamodb, runs):
    with watching(dynamodb) as watch:
        report = runs.run(NOW + HOUR - 80)

    assert report.warned == NUMBER
    assert watch.writes <= LEASE_WRITES + PARTITIONS
    assert {len(frames) for frames in runs.poster.received.values()} == {1}


def test_no_record_of_a_connection_is_written_for_a_notice(dynamodb, runs):
    runs.run(NOW + HOUR - 80)
    for number in range(NUMBER):
        due_at = due_with_token(f"c{number}", NOW, NOW + 3 * HOUR, NOW + HOUR - 70)
        runs.stores.connections.extend(f"c{number}", NOW + 3 * HOUR, due_at=due_at)

    with recording(dynamodb, "UpdateItem") as updates:
        refreshed = runs.run(NOW + HOUR)
        reports = [runs.run(NOW + seconds) for seconds in range(110 * 60, 120 * 60, 60)]

    assert refreshed.warned == 0
    assert sum(report.handed_over for report in reports) == NUMBER
    assert {update["TableName"] for update in updates} == {"history"}


def test_refresh_is_one_write_of_the_record_and_none_of_the_next_run(dynamodb, runs):
    due_at = due_with_token("c1", NOW, NOW + 2 * HOUR, NOW + 60)
    with watching(dynamodb) as refresh:
        runs.stores.connections.extend("c1", NOW + 2 * HOUR, due_at=due_at)
    with watching(dynamodb) as run:
        runs.run(NOW + 60)

    assert (refresh.reads, refresh.writes) == (0, 1)
    assert run.writes == LEASE_WRITES


def test_run_that_was_killed_is_continued_and_its_pages_are_not_sent_again(dynamodb, runs):
    """The next run finds in the lease how far the notices of a partition were sent."""
    give_back = runs.janitor.leases.give_back
    # What dies with a process: everything after the last page.
    runs.janitor.leases.give_back = lambda _lease, _progress: None
    assert runs.run(NOW + HOUR - 80).warned == NUMBER
    runs.janitor.leases.give_back = give_back

    assert runs.run(NOW + HOUR - 20).warned == 0
    assert {len(frames) for frames in runs.poster.received.values()} == {1}
