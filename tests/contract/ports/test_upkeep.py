from types import SimpleNamespace

import pytest

from realtime_core.connections.dynamodb_schedule import DynamoSchedule
from realtime_core.connections.memory import MemorySchedule
from realtime_core.connections.schedule import REFRESHED, first_schedule
from tests.contract.ports.cases import HOUR, NOW, PHONES, at_once, connection
from tests.contract.ports.clouds import paged, recording, watching

LATER = NOW + 24 * HOUR


@pytest.fixture(params=["dynamodb", "memory"])
def tending(request):
    """`connections`, `subscriptions` and the `upkeep` of both, once of DynamoDB and once in memory."""
    if request.param == "dynamodb":
        upkeep = DynamoSchedule(request.getfixturevalue("dynamodb"), "connections")
        stores = request.getfixturevalue("dynamo_stores")
        return SimpleNamespace(
            connections=stores.connections, subscriptions=stores.subscriptions, upkeep=upkeep
        )
    from realtime_core.connections.memory import MemoryConnections
    from realtime_core.subscriptions.memory import MemorySubscriptions

    connections = MemoryConnections()
    return SimpleNamespace(
        connections=connections,
        subscriptions=MemorySubscriptions(connections),
        upkeep=MemorySchedule(connections),
    )


def due(tending, now):
    return [record for page in tending.upkeep.due(now) for record in page]


def test_due_is_nothing_before_the_first_moment(tending):
    tending.connections.add(connection())
    expected = first_schedule("c1", NOW, NOW + HOUR)

    assert due(tending, expected.due_at - 1) == []
    assert due(tending, expected.due_at) == [expected]


def test_due_finds_everybody_once(tending):
    for n in range(30):
        tending.connections.add(connection(f"c{n}", connected_at=NOW + n))

    found = due(tending, LATER)

    assert sorted(one.connection_id for one in found) == sorted(f"c{n}" for n in range(30))


def test_due_does_not_find_who_left(tending):
    tending.connections.add(connection())
    tending.connections.remove("c1")

    assert due(tending, LATER) == []
    assert tending.upkeep.count() == 0


def test_claim_takes_a_record_on_once(tending):
    tending.connections.add(connection())
    [record] = due(tending, LATER)

    assert tending.upkeep.claim(record, LATER + 120)
    assert not tending.upkeep.claim(record, LATER + 120)
    assert due(tending, LATER) == []
    assert due(tending, LATER + 120) == [record._replace(due_at=LATER + 120)]


def test_claim_by_many_at_once_is_granted_to_one(tending):
    tending.connections.add(connection())
    [record] = due(tending, LATER)

    granted = at_once(*[lambda: tending.upkeep.claim(record, LATER + 120)] * 8)

    assert sorted(granted) == [False] * 7 + [True]


def test_claim_of_a_record_that_is_gone_is_refused_and_makes_no_record(tending):
    tending.connections.add(connection())
    [record] = due(tending, LATER)
    tending.connections.remove("c1")

    assert not tending.upkeep.claim(record, LATER + 120, ending=True)
    tending.upkeep.settle(LATER + 120, record)

    assert tending.connections.get("c1") is None
    assert tending.upkeep.count() == 0


def test_a_refresh_makes_a_record_due_at_once_and_refuses_the_claim_of_the_old_expiry(tending):
    tending.connections.add(connection())
    [record] = due(tending, LATER)
    tending.connections.extend("c1", NOW + 2 * HOUR)

    assert not tending.upkeep.claim(record, LATER + 120, ending=True)
    assert due(tending, NOW) == [record._replace(token_exp=NOW + 2 * HOUR, due_at=REFRESHED)]


def test_a_connection_that_is_ending_cannot_be_extended(tending):
    tending.connections.add(connection())
    [record] = due(tending, LATER)
    assert tending.upkeep.claim(record, LATER + 120, ending=True)

    assert tending.connections.extend("c1", NOW + 2 * HOUR) is None
    assert tending.connections.get("c1") == connection()


def test_a_connection_that_was_only_claimed_can_be_extended(tending):
    tending.connections.add(connection())
    [record] = due(tending, LATER)
    assert tending.upkeep.claim(record, LATER + 120)

    assert tending.connections.extend("c1", NOW + 2 * HOUR).token_exp == NOW + 2 * HOUR


def test_settle_keeps_what_was_sent_and_when_to_look_again(tending):
    tending.connections.add(connection())
    [record] = due(tending, LATER)
    tending.upkeep.claim(record, LATER + 120)
    settled = record._replace(due_at=LATER + 5, warned_exp=record.token_exp, handed_over=True)

    tending.upkeep.settle(LATER + 120, settled)

    assert due(tending, LATER + 4) == []
    assert due(tending, LATER + 5) == [settled]


def test_settle_without_a_claim_moves_what_has_not_changed(tending):
    tending.connections.add(connection())
    [record] = due(tending, LATER)

    tending.upkeep.settle(record.due_at, record._replace(due_at=LATER + 5))
    tending.upkeep.settle(record.due_at, record._replace(due_at=LATER + 99))

    assert due(tending, LATER + 5) == [record._replace(due_at=LATER + 5)]


def test_settle_after_a_refresh_remembers_what_was_sent_and_leaves_it_due(tending):
    tending.connections.add(connection())
    [record] = due(tending, LATER)
    tending.upkeep.claim(record, LATER + 120)
    tending.connections.extend("c1", NOW + 2 * HOUR)

    tending.upkeep.settle(LATER + 120, record._replace(due_at=LATER + 5, handed_over=True))

    assert due(tending, NOW) == [
        record._replace(token_exp=NOW + 2 * HOUR, due_at=REFRESHED, handed_over=True)
    ]


def test_upkeep_leaves_the_rest_of_the_record_alone(tending):
    tending.connections.add(connection())
    before = tending.subscriptions.subscribe("c1", "all-deals", PHONES, NOW)
    [record] = due(tending, LATER)

    tending.upkeep.claim(record, LATER + 120)
    tending.upkeep.settle(LATER + 120, record._replace(due_at=LATER + 5, handed_over=True))

    assert tending.connections.get("c1") == before


def test_count_is_the_number_of_records(tending):
    assert tending.upkeep.count() == 0
    for n in range(25):
        tending.connections.add(connection(f"c{n}"))
    tending.connections.remove("c3")

    assert tending.upkeep.count() == 24


def test_due_and_count_read_every_page(dynamodb, dynamo_stores):
    for n in range(30):
        dynamo_stores.connections.add(connection(f"c{n}"))
    upkeep = DynamoSchedule(dynamodb, "connections")

    with paged(dynamodb, 2):
        assert len({one.connection_id for page in upkeep.due(LATER) for one in page}) == 30
        assert upkeep.count() == 30


def test_looking_takes_a_query_for_each_partition_and_a_move_one_write(dynamodb, dynamo_stores):
    for n in range(30):
        dynamo_stores.connections.add(connection(f"c{n}"))
    upkeep = DynamoSchedule(dynamodb, "connections")

    with watching(dynamodb) as nothing_due:
        assert not list(upkeep.due(NOW))
    with watching(dynamodb) as all_due:
        record = next(iter(upkeep.due(LATER)))[0]
    with watching(dynamodb) as moves:
        upkeep.claim(record, LATER + 120)
        upkeep.settle(LATER + 120, record._replace(due_at=LATER + 5, handed_over=True))

    assert (nothing_due.reads, nothing_due.writes) == (8, 0)
    assert (all_due.reads, all_due.writes) == (1, 0), "pages are read when they are wanted"
    assert (moves.reads, moves.writes) == (0, 2)


def test_count_reads_no_attributes(dynamodb, dynamo_stores):
    with recording(dynamodb, "Query") as queries:
        DynamoSchedule(dynamodb, "connections").count()

    assert [query["Select"] for query in queries] == ["COUNT"] * 8
