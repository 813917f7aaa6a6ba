"""`Leases` on DynamoDB and in memory."""

import pytest

from janitor.leases_dynamodb import DynamoLeases
from janitor.memory import MemoryLeases
from tests.contract.support.cases import NOW, at_once
from tests.contract.support.watched_clients import watching


@pytest.fixture(params=["dynamodb", "memory"])
def leases(request):
    if request.param == "memory":
        return MemoryLeases()
    return DynamoLeases(request.getfixturevalue("dynamodb"), "history")


def test_part_is_taken_by_one_until_it_is_given_back(leases):
    lease = leases.take("due#1", "a", NOW, NOW + 55)
    assert leases.take("due#1", "b", NOW + 1, NOW + 56) is None
    assert leases.take("due#2", "b", NOW + 1, NOW + 56) is not None

    leases.give_back(lease, {})
    assert leases.take("due#1", "b", NOW + 2, NOW + 57) is not None


def test_part_of_one_that_died_is_free_when_its_lease_has_ended(leases):
    leases.take("due#1", "dead", NOW, NOW + 55)
    assert leases.take("due#1", "next", NOW + 54, NOW + 109) is None
    assert leases.take("due#1", "next", NOW + 55, NOW + 110) is not None


def test_progress_is_that_of_the_last_holder(leases):
    assert leases.progress("due#1") == {}
    lease = leases.take("due#1", "a", NOW, NOW + 55)
    assert lease.progress == {}
    leases.give_back(lease, {"count": 7, "place": "c1", "negative": -1})

    assert leases.progress("due#1") == {"count": 7, "place": "c1", "negative": -1}
    lease = leases.take("due#1", "b", NOW + 60, NOW + 115)
    assert lease.progress == {"count": 7, "place": "c1", "negative": -1}
    leases.give_back(lease, {"count": 8})
    assert leases.progress("due#1") == {"count": 8}


def test_note_keeps_the_part_and_leaves_the_progress_to_a_successor(leases):
    lease = leases.take("due#1", "a", NOW, NOW + 55)

    assert leases.note(lease, {"count": 7})

    assert leases.take("due#1", "b", NOW + 1, NOW + 56) is None
    assert leases.take("due#1", "b", NOW + 55, NOW + 110).progress == {"count": 7}
    assert not leases.note(lease, {"count": 8}), "another holder has it"
    assert leases.progress("due#1") == {"count": 7}


def test_one_whose_lease_has_ended_notes_nothing_over_its_successor(leases):
    late = leases.take("due#1", "late", NOW, NOW + 55)
    lease = leases.take("due#1", "next", NOW + 60, NOW + 115)
    leases.give_back(late, {"count": 1})

    assert leases.take("due#1", "third", NOW + 61, NOW + 116) is None, "it is still the successor's"
    leases.give_back(lease, {"count": 2})
    assert leases.progress("due#1") == {"count": 2}


def test_part_taken_by_many_at_once_is_given_to_one(leases):
    given = at_once(*[lambda n=n: leases.take("due#1", f"run-{n}", NOW, NOW + 55) for n in range(8)])
    assert sum(lease is not None for lease in given) == 1


def test_taking_noting_and_giving_back_are_one_write_each(dynamodb):
    leases = DynamoLeases(dynamodb, "history")
    with watching(dynamodb) as taking:
        lease = leases.take("due#1", "a", NOW, NOW + 55)
    with watching(dynamodb) as noting:
        leases.note(lease, {"count": 1})
    with watching(dynamodb) as giving:
        leases.give_back(lease, {"count": 1})
    with watching(dynamodb) as reading:
        leases.progress("due#1")
    assert (taking.reads, taking.writes) == (0, 1)
    assert (noting.reads, noting.writes) == (0, 1)
    assert (giving.reads, giving.writes) == (0, 1)
    assert (reading.reads, reading.writes) == (1, 0)
