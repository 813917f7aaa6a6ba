"""The model of a partition's throughput: units of AWS, one second's worth at once, and AWS's errors."""

from __future__ import annotations

import pytest

from local_cloud.limits.settings import Limits
from local_cloud.limits.throughput import (
    READ,
    WRITE,
    Partition,
    Throughput,
    Use,
    count_read_units,
    count_write_units,
)

LIMITS = Limits(dynamodb_partition_write_units=1000, dynamodb_partition_read_units=3000)
HOT, COLD = Partition("t", "hot"), Partition("t", "cold")


class Clock:
    def __init__(self):
        self.time = 100.0

    def __call__(self):
        return self.time


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def throughput(clock):
    return Throughput(clock)


def count_admitted(throughput, use, kind=WRITE, operation="PutItem"):
    """Make requests until one is refused; return how many passed."""
    passed = 0
    while throughput.admit(kind, [use], operation, LIMITS) is None:
        passed += 1
    return passed


@pytest.mark.parametrize(
    ("size", "plain", "transaction"), [(0, 1, 2), (1024, 1, 2), (1025, 2, 4), (400 * 1024, 400, 800)]
)
def test_write_units_are_one_for_each_kb_and_double_in_a_transaction(size, plain, transaction):
    assert count_write_units(size) == plain
    assert count_write_units(size, transaction=True) == transaction


@pytest.mark.parametrize(
    ("size", "consistent", "transaction", "units"),
    [
        (0, True, False, 1),
        (0, False, False, 0.5),
        (4096, True, False, 1),
        (4097, False, False, 1),
        (4097, False, True, 4),
    ],
)
def test_read_units_are_one_for_each_4_kb_and_half_if_eventually_consistent(
    size, consistent, transaction, units
):
    assert count_read_units(size, consistent=consistent, transaction=transaction) == units


@pytest.mark.parametrize(("kind", "rate"), [(WRITE, 1000), (READ, 3000)])
def test_partition_takes_one_seconds_units_at_once_and_as_many_a_second(throughput, clock, kind, rate):
    assert count_admitted(throughput, Use(HOT, 1), kind) == rate
    assert throughput.admit(kind, [Use(COLD, 1)], "PutItem", LIMITS) is None
    clock.time += 0.25
    assert count_admitted(throughput, Use(HOT, 1), kind) == rate / 4
    clock.time += 60
    assert count_admitted(throughput, Use(HOT, 1), kind) == rate


def test_item_that_grows_takes_more_units_so_fewer_writes_pass(throughput):
    assert count_admitted(throughput, Use(HOT, count_write_units(100 * 1024))) == 10


def test_units_that_a_read_turns_out_to_take_are_owed(throughput, clock):
    throughput.charge(READ, Use(HOT, 4500), LIMITS)
    assert throughput.admit(READ, [Use(HOT, 0)], "Query", LIMITS) is not None
    clock.time += 0.5
    assert throughput.admit(READ, [Use(HOT, 0)], "Query", LIMITS) is not None
    clock.time += 0.1
    assert throughput.admit(READ, [Use(HOT, 0)], "Query", LIMITS) is None


def test_throttled_write_gets_the_error_of_an_on_demand_table(throughput):
    throughput.charge(WRITE, Use(HOT, 1000), LIMITS)
    refusal = throughput.admit(WRITE, [Use(HOT, 1)], "PutItem", LIMITS)
    assert (refusal.error, refusal.status) == ("ThrottlingException", 400)
    assert refusal.message.startswith("Throughput exceeds the current capacity of your table or index.")
    assert refusal.details == {
        "throttlingReasons": [{"reason": "TableWriteKeyRangeThroughputExceeded", "resource": "t"}]
    }


def test_throttled_index_is_named(throughput):
    index = Partition("t", "hot", "i")
    throughput.charge(READ, Use(index, 3000), LIMITS)
    refusal = throughput.admit(READ, [Use(index, 0)], "Query", LIMITS)
    assert refusal.details["throttlingReasons"] == [
        {"reason": "IndexReadKeyRangeThroughputExceeded", "resource": "t/index/i"}
    ]


def test_throttled_transaction_is_cancelled_and_takes_no_units(throughput, clock):
    throughput.charge(WRITE, Use(HOT, 1000), LIMITS)
    refusal = throughput.admit(WRITE, [Use(COLD, 2), Use(HOT, 2), None], "TransactWriteItems", LIMITS)
    assert refusal.error == "TransactionCanceledException"
    codes = [reason["Code"] for reason in refusal.details["CancellationReasons"]]
    assert codes == ["None", "ThrottlingError", "None"]
    assert count_admitted(throughput, Use(COLD, 1)) == 1000


def test_nothing_is_throttled_unless_asked_for(throughput):
    throughput.charge(WRITE, Use(HOT, 10**9), Limits())
    assert throughput.admit(WRITE, [Use(HOT, 1)], "PutItem", Limits()) is None
    assert throughput.admit(WRITE, [Use(HOT, 1)], "PutItem", LIMITS) is None
