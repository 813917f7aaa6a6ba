from types import SimpleNamespace

import pytest

from realtime_core.connections.dynamodb import DynamoConnections
from realtime_core.connections.dynamodb_schedule import DynamoSchedule
from realtime_core.connections.memory import MemorySchedule
from realtime_core.connections.schedule import REFRESHED, first_schedule, place_of
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
    return due_of(stores.schedule, now)


def due_of(schedule, now):
    return [
        record
        for partition in range(schedule.partitions)
        for page in schedule.due(partition, now)
        for record in page
    ]


def count_of(schedule):
    return sum(map(schedule.count, range(schedule.partitions)))


def walked(schedule, now, limit):
    """All records that a walk in steps of `limit` passes, with the number of steps."""
    records, steps = [], 0
    for partition in range(schedule.partitions):
        after = None
        while True:
            page, after = schedule.walk(partition, now, after, limit)
            assert len(page) <= limit
            records, steps = records + page, steps + 1
            if after is None:
                break
    return records, steps


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


def test_due_goes_on_after_a_place(stores):
    for n in range(30):
        stores.connections.add(connection(f"c{n}", connected_at=NOW + n // 3))

    for partition in range(stores.schedule.partitions):
        records = [record for page in stores.schedule.due(partition, LATER) for record in page]
        for number, record in enumerate(records):
            place = place_of(record)
            rest = [found for page in stores.schedule.due(partition, LATER, place) for found in page]
            assert rest == records[number + 1 :]


def test_due_goes_on_after_a_place_whose_record_was_removed(stores):
    for n in range(30):
        stores.connections.add(connection(f"c{n}", connected_at=NOW + n))
    partition = max(range(stores.schedule.partitions), key=stores.schedule.count)
    [first, *rest] = [record for page in stores.schedule.due(partition, LATER) for record in page]

    stores.connections.remove(first.connection_id)

    assert [
        record for page in stores.schedule.due(partition, LATER, place_of(first)) for record in page
    ] == rest


def test_due_does_not_return_a_removed_connection(stores):
    stores.connections.add(connection())
    stores.connections.remove("c1")

    assert due(stores, LATER) == []
    assert count_of(stores.schedule) == 0


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

    assert not stores.schedule.claim(record, LATER + 120)
    stores.schedule.settle(LATER + 120, record)

    assert stores.connections.get("c1") is None
    assert count_of(stores.schedule) == 0


def test_refresh_makes_a_record_due_and_invalidates_claims_of_the_old_expiry(stores):
    stores.connections.add(connection())
    [record] = due(stores, LATER)
    stores.connections.extend("c1", NOW + 2 * HOUR)

    assert not stores.schedule.claim(record, LATER + 120)
    assert due(stores, NOW) == [record._replace(token_exp=NOW + 2 * HOUR, due_at=REFRESHED)]


def test_refresh_with_a_due_time_makes_a_record_due_then(stores):
    stores.connections.add(connection())
    [record] = due(stores, LATER)

    stores.connections.extend("c1", NOW + 2 * HOUR, due_at=NOW + 5)

    assert due(stores, NOW + 4) == []
    assert due(stores, NOW + 5) == [record._replace(token_exp=NOW + 2 * HOUR, due_at=NOW + 5)]


def test_connection_that_is_ending_cannot_be_extended(stores):
    stores.connections.add(connection())
    [record] = due(stores, LATER)
    assert stores.schedule.claim(record, LATER + 120)

    assert stores.connections.extend("c1", NOW + 2 * HOUR) is None
    assert stores.connections.get("c1") == connection()


def test_walk_passes_every_record_that_is_not_due_once_and_in_order(stores):
    for n in range(30):
        stores.connections.add(connection(f"c{n}", connected_at=NOW + n, token_exp=NOW + HOUR + n // 4))
    now = due(stores, LATER)[0].due_at + 2

    records, steps = walked(stores.schedule, now, 3)

    expected = [record for record in due(stores, LATER) if record.due_at > now]
    assert sorted(records) == sorted(expected)
    assert len(records) < 30
    assert steps >= len(records) / 3


def test_walk_goes_on_where_its_place_is_due_or_removed(stores):
    for n in range(12):
        stores.connections.add(connection(f"c{n}", connected_at=NOW + n, token_exp=NOW + HOUR + n))
    tried = 0
    for partition in range(stores.schedule.partitions):
        page, after = stores.schedule.walk(partition, NOW, None, 1)
        rest = stores.schedule.walk(partition, NOW, after, 100)[0] if after is not None else []
        if not rest:  # DynamoDB may name a place to go on from at the end too
            continue
        tried += 1
        stores.connections.remove(page[0].connection_id)
        assert stores.schedule.walk(partition, NOW, after, 100)[0] == rest
        later = rest[0].due_at
        assert stores.schedule.walk(partition, later, after, 100)[0] == rest[1:]
    assert tried, "of twelve records in eight partitions some share one"


def test_settle_stores_the_sent_frames_and_the_next_due_time(stores):
    stores.connections.add(connection())
    [record] = due(stores, LATER)
    settled = record._replace(due_at=LATER + 5, warned_exp=record.token_exp, handed_over=True)

    stores.schedule.settle(record.due_at, settled)

    assert due(stores, LATER + 4) == []
    assert due(stores, LATER + 5) == [settled]


def test_settle_updates_an_unchanged_record(stores):
    stores.connections.add(connection())
    [record] = due(stores, LATER)

    stores.schedule.settle(record.due_at, record._replace(due_at=LATER + 5))
    stores.schedule.settle(record.due_at, record._replace(due_at=LATER + 99))

    assert due(stores, LATER + 5) == [record._replace(due_at=LATER + 5)]


def test_settle_after_a_refresh_stores_the_sent_frames_and_keeps_the_record_due(stores):
    stores.connections.add(connection())
    [record] = due(stores, LATER)
    stores.connections.extend("c1", NOW + 2 * HOUR)

    stores.schedule.settle(record.due_at, record._replace(due_at=LATER + 5, handed_over=True))

    assert due(stores, NOW) == [record._replace(token_exp=NOW + 2 * HOUR, due_at=REFRESHED, handed_over=True)]


def test_claim_and_settle_do_not_change_the_rest_of_the_record(stores):
    stores.connections.add(connection())
    before = stores.subscriptions.subscribe("c1", "all-deals", PHONES, NOW)
    [record] = due(stores, LATER)

    stores.schedule.claim(record, LATER + 120)
    stores.schedule.settle(LATER + 120, record._replace(due_at=LATER + 5, handed_over=True))

    assert stores.connections.get("c1") == before


def test_count_is_the_number_of_records(stores):
    assert count_of(stores.schedule) == 0
    for n in range(25):
        stores.connections.add(connection(f"c{n}"))
    stores.connections.remove("c3")

    assert count_of(stores.schedule) == 24


def test_partitions_can_become_more_while_there_are_connections(dynamodb):
    """The janitor knows of the larger number first, or at the same time; a refresh moves no record."""
    few, many = (DynamoConnections(dynamodb, "connections", number) for number in (8, 64))
    for n in range(40):
        few.add(connection(f"old{n}"))
        many.add(connection(f"new{n}"))
    schedule = DynamoSchedule(dynamodb, "connections", 64)
    before = {record.connection_id for record in due_of(DynamoSchedule(dynamodb, "connections", 8), LATER)}

    for n in range(40):
        assert many.extend(f"old{n}", NOW + 2 * HOUR)

    assert count_of(schedule) == 80
    assert len(due_of(schedule, LATER)) == 80
    after = {record.connection_id for record in due_of(DynamoSchedule(dynamodb, "connections", 8), LATER)}
    assert after == before, "who still reads eight partitions loses none of the old ones"


def test_due_and_count_read_every_page(dynamodb, dynamo_stores):
    for n in range(30):
        dynamo_stores.connections.add(connection(f"c{n}"))
    schedule = DynamoSchedule(dynamodb, "connections")

    with paged(dynamodb, 2):
        assert len({record.connection_id for record in due_of(schedule, LATER)}) == 30
        assert count_of(schedule) == 30


def test_due_and_walk_are_one_query_a_page_and_claim_and_settle_one_write(dynamodb, dynamo_stores):
    for n in range(30):
        dynamo_stores.connections.add(connection(f"c{n}"))
    schedule = DynamoSchedule(dynamodb, "connections")

    with watching(dynamodb) as nothing_due:
        assert not due_of(schedule, NOW)
    with watching(dynamodb) as first_page:
        record = next(schedule.due(0, LATER))[0]
    with watching(dynamodb) as walk:
        schedule.walk(0, NOW, None, 100)
    with watching(dynamodb) as settling:
        schedule.settle(record.due_at, record._replace(due_at=LATER + 5, handed_over=True))
    with watching(dynamodb) as claiming:
        schedule.claim(record._replace(due_at=LATER + 5), LATER + 120)

    assert (nothing_due.reads, nothing_due.writes) == (8, 0)
    assert (first_page.reads, first_page.writes) == (1, 0), "pages are read lazily"
    assert (walk.reads, walk.writes) == (1, 0)
    assert (settling.reads, settling.writes) == (0, 1)
    assert (claiming.reads, claiming.writes) == (0, 1)


def test_count_reads_no_attributes(dynamodb, dynamo_stores):
    with recording(dynamodb, "Query") as queries:
        DynamoSchedule(dynamodb, "connections").count(3)

    assert [query["Select"] for query in queries] == ["COUNT"]
