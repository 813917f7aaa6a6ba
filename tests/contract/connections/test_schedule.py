from types import SimpleNamespace

import pytest

from realtime_core.connections.dynamodb_schedule import DynamoSchedule
from realtime_core.connections.memory import MemorySchedule
from realtime_core.connections.schedule import REFRESHED, first_schedule
from tests.contract.support.cases import HOUR, NOW, PHONES, at_once, connection
from tests.contract.support.watched_clients import paged, recording, watching

LATER = NOW + 24 * HOUR


@pytest.fixture(params=["dynamodb", "memory"])
def stores(request):
    """`connections`, `subscriptions` and their `schedule`, on DynamoDB and in memory."""
    if request.param == "dynamodb":
        schedule = DynamoSchedule(request.getfixturevalue("dynamodb"), "connections")
        dynamo = request.getfixturevalue("dynamo_stores")
        return SimpleNamespace(
            connections=dynamo.connections, subscriptions=dynamo.subscriptions, schedule=schedule
        )
    from realtime_core.connections.memory import MemoryConnections
    from realtime_core.subscriptions.memory import MemorySubscriptions

    connections = MemoryConnections()
    return SimpleNamespace(
        connections=connections,
        subscriptions=MemorySubscriptions(connections),
        schedule=MemorySchedule(connections),
    )


def due(stores, now):
    return [record for page in stores.schedule.due(now) for record in page]


def test_due_is_empty_before_the_first_due_time(stores):
    stores.connections.add(connection())
    expected = first_schedule("c1", NOW, NOW + HOUR)

    assert due(stores, expected.due_at - 1) == []
    assert due(stores, expected.due_at) == [expected]


def test_due_returns_every_record_once(stores):
    for n in range(30):
        stores.connections.add(connection(f"c{n}", connected_at=NOW + n))

    records = due(stores, LATER)

    assert sorted(record.connection_id for record in records) == sorted(f"c{n}" for n in range(30))


def test_due_does_not_return_a_removed_connection(stores):
    stores.connections.add(connection())
    stores.connections.remove("c1")

    assert due(stores, LATER) == []
    assert stores.schedule.count() == 0


def test_claim_succeeds_once(stores):
    stores.connections.add(connection())
    [record] = due(stores, LATER)

    assert stores.schedule.claim(record, LATER + 120)
    assert not stores.schedule.claim(record, LATER + 120)
    assert due(stores, LATER) == []
    assert due(stores, LATER + 120) == [record._replace(due_at=LATER + 120)]


def test_concurrent_claims_succeed_once(stores):
    stores.connections.add(connection())
    [record] = due(stores, LATER)

    granted = at_once(*[lambda: stores.schedule.claim(record, LATER + 120)] * 8)

    assert sorted(granted) == [False] * 7 + [True]


def test_claim_of_a_removed_record_fails_and_creates_none(stores):
    stores.connections.add(connection())
    [record] = due(stores, LATER)
    stores.connections.remove("c1")

    assert not stores.schedule.claim(record, LATER + 120, ending=True)
    stores.schedule.settle(LATER + 120, record)

    assert stores.connections.get("c1") is None
    assert stores.schedule.count() == 0


def test_refresh_makes_a_record_due_and_invalidates_claims_of_the_old_expiry(stores):
    stores.connections.add(connection())
    [record] = due(stores, LATER)
    stores.connections.extend("c1", NOW + 2 * HOUR)

    assert not stores.schedule.claim(record, LATER + 120, ending=True)
    assert due(stores, NOW) == [record._replace(token_exp=NOW + 2 * HOUR, due_at=REFRESHED)]


def test_connection_that_is_ending_cannot_be_extended(stores):
    stores.connections.add(connection())
    [record] = due(stores, LATER)
    assert stores.schedule.claim(record, LATER + 120, ending=True)

    assert stores.connections.extend("c1", NOW + 2 * HOUR) is None
    assert stores.connections.get("c1") == connection()


def test_claimed_connection_can_be_extended(stores):
    stores.connections.add(connection())
    [record] = due(stores, LATER)
    assert stores.schedule.claim(record, LATER + 120)

    assert stores.connections.extend("c1", NOW + 2 * HOUR).token_exp == NOW + 2 * HOUR


def test_settle_stores_the_sent_frames_and_the_next_due_time(stores):
    stores.connections.add(connection())
    [record] = due(stores, LATER)
    stores.schedule.claim(record, LATER + 120)
    settled = record._replace(due_at=LATER + 5, warned_exp=record.token_exp, handed_over=True)

    stores.schedule.settle(LATER + 120, settled)

    assert due(stores, LATER + 4) == []
    assert due(stores, LATER + 5) == [settled]


def test_settle_without_a_claim_updates_an_unchanged_record(stores):
    stores.connections.add(connection())
    [record] = due(stores, LATER)

    stores.schedule.settle(record.due_at, record._replace(due_at=LATER + 5))
    stores.schedule.settle(record.due_at, record._replace(due_at=LATER + 99))

    assert due(stores, LATER + 5) == [record._replace(due_at=LATER + 5)]


def test_settle_after_a_refresh_stores_the_sent_frames_and_keeps_the_record_due(stores):
    stores.connections.add(connection())
    [record] = due(stores, LATER)
    stores.schedule.claim(record, LATER + 120)
    stores.connections.extend("c1", NOW + 2 * HOUR)

    stores.schedule.settle(LATER + 120, record._replace(due_at=LATER + 5, handed_over=True))

    assert due(stores, NOW) == [record._replace(token_exp=NOW + 2 * HOUR, due_at=REFRESHED, handed_over=True)]


def test_claim_and_settle_do_not_change_the_rest_of_the_record(stores):
    stores.connections.add(connection())
    before = stores.subscriptions.subscribe("c1", "all-deals", PHONES, NOW)
    [record] = due(stores, LATER)

    stores.schedule.claim(record, LATER + 120)
    stores.schedule.settle(LATER + 120, record._replace(due_at=LATER + 5, handed_over=True))

    assert stores.connections.get("c1") == before


def test_count_is_the_number_of_records(stores):
    assert stores.schedule.count() == 0
    for n in range(25):
        stores.connections.add(connection(f"c{n}"))
    stores.connections.remove("c3")

    assert stores.schedule.count() == 24


def test_due_and_count_read_every_page(dynamodb, dynamo_stores):
    for n in range(30):
        dynamo_stores.connections.add(connection(f"c{n}"))
    schedule = DynamoSchedule(dynamodb, "connections")

    with paged(dynamodb, 2):
        assert len({record.connection_id for page in schedule.due(LATER) for record in page}) == 30
        assert schedule.count() == 30


def test_due_is_one_query_for_each_partition_and_claim_and_settle_one_write(dynamodb, dynamo_stores):
    for n in range(30):
        dynamo_stores.connections.add(connection(f"c{n}"))
    schedule = DynamoSchedule(dynamodb, "connections")

    with watching(dynamodb) as nothing_due:
        assert not list(schedule.due(NOW))
    with watching(dynamodb) as all_due:
        record = next(iter(schedule.due(LATER)))[0]
    with watching(dynamodb) as changes:
        schedule.claim(record, LATER + 120)
        schedule.settle(LATER + 120, record._replace(due_at=LATER + 5, handed_over=True))

    assert (nothing_due.reads, nothing_due.writes) == (8, 0)
    assert (all_due.reads, all_due.writes) == (1, 0), "pages are read lazily"
    assert (changes.reads, changes.writes) == (0, 2)


def test_count_reads_no_attributes(dynamodb, dynamo_stores):
    with recording(dynamodb, "Query") as queries:
        DynamoSchedule(dynamodb, "connections").count()

    assert [query["Select"] for query in queries] == ["COUNT"] * 8
