"""Requests that touch an item of an ongoing transaction fail with AWS's errors."""

from __future__ import annotations

import pytest

from local_cloud.limits.conflicts import OngoingItems, cancel
from local_cloud.limits.dynamodb import ItemName, KeyNames, name_items
from local_cloud.limits.settings import Limits, Refusal

LIMITS = Limits()
A, B, C = (ItemName("t", f'{{"S": "{name}"}}') for name in "abc")
MESSAGE = "Transaction is ongoing for the item"
SINGLE = Refusal("TransactionConflictException", MESSAGE)
WRITES = ["PutItem", "UpdateItem", "DeleteItem"]
READS = ["GetItem", "BatchGetItem", "Query", "Scan"]


@pytest.fixture
def ongoing():
    return OngoingItems()


def cancelled(*codes):
    reasons = [{"Code": code, "Message": MESSAGE} if code != "None" else {"Code": "None"} for code in codes]
    message = "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]"
    return Refusal(
        "TransactionCanceledException",
        message.format(", ".join(codes)),
        details={"CancellationReasons": reasons},
    )


@pytest.mark.parametrize("operation", WRITES)
def test_single_write_of_an_item_of_an_ongoing_transaction_conflicts(ongoing, operation):
    assert ongoing.begin("TransactWriteItems", [A, B], LIMITS) is None
    assert ongoing.begin(operation, [B], LIMITS) == SINGLE
    assert ongoing.begin(operation, [C], LIMITS) is None


@pytest.mark.parametrize("operation", ["TransactWriteItems", "TransactGetItems"])
def test_transaction_with_an_item_of_an_ongoing_one_is_cancelled_with_a_reason_for_each_item(
    ongoing, operation
):
    ongoing.begin("TransactWriteItems", [A, B], LIMITS)
    refusal = ongoing.begin(operation, [C, B, None], LIMITS)
    assert refusal == cancelled("None", "TransactionConflict", "None")


@pytest.mark.parametrize("operation", [*WRITES, "BatchWriteItem"])
def test_transactional_read_of_an_item_that_is_being_written_is_cancelled(ongoing, operation):
    ongoing.begin(operation, [A], LIMITS)
    assert ongoing.begin("TransactGetItems", [A], LIMITS) == cancelled("TransactionConflict")


@pytest.mark.parametrize("operation", [*WRITES, "BatchWriteItem", "TransactWriteItems"])
def test_write_of_an_item_that_a_single_request_is_writing_waits(ongoing, operation):
    ongoing.begin("PutItem", [A], LIMITS)
    ongoing.begin("BatchWriteItem", [A], LIMITS)
    ongoing.begin("TransactGetItems", [B], LIMITS)
    assert ongoing.begin(operation, [A, B], LIMITS) is None


@pytest.mark.parametrize("operation", [*READS, "BatchWriteItem"])
def test_reads_and_batches_pass_beside_a_transaction(ongoing, operation):
    ongoing.begin("TransactWriteItems", [A], LIMITS)
    assert ongoing.begin(operation, [A], LIMITS) is None


def test_conflict_ends_with_the_transaction_and_a_refused_request_is_not_under_way(ongoing):
    ongoing.begin("TransactWriteItems", [A, B], LIMITS)
    assert ongoing.begin("TransactWriteItems", [B, C], LIMITS) == cancelled("TransactionConflict", "None")
    assert ongoing.begin("PutItem", [C], LIMITS) is None

    ongoing.end("TransactWriteItems", [A, B])

    assert ongoing.begin("TransactWriteItems", [A, B], LIMITS) is None


def test_conflicts_can_be_switched_off(ongoing):
    ongoing.begin("TransactWriteItems", [A], LIMITS)
    assert ongoing.begin("PutItem", [A], Limits(dynamodb_transaction_conflicts=False)) is None


def test_cancelled_transaction_names_the_code_of_each_item():
    refusal = cancel([None, ("ThrottlingError", "slow down")])
    assert refusal.message.endswith("specific reasons [None, ThrottlingError]")
    assert refusal.details == {
        "CancellationReasons": [{"Code": "None"}, {"Code": "ThrottlingError", "Message": "slow down"}]
    }


def test_item_has_one_name_in_every_operation():
    keys = {"t": KeyNames("pk", "sk")}.get
    key = {"sk": {"N": "1"}, "pk": {"S": "p"}}
    whole = key | {"other": {"S": "x"}}
    requests = {
        "PutItem": {"TableName": "t", "Item": whole},
        "UpdateItem": {"TableName": "t", "Key": key},
        "BatchWriteItem": {"RequestItems": {"t": [{"PutRequest": {"Item": whole}}]}},
        "BatchGetItem": {"RequestItems": {"t": {"Keys": [key]}}},
        "TransactGetItems": {"TransactItems": [{"Get": {"TableName": "t", "Key": key}}]},
        "TransactWriteItems": {"TransactItems": [{"ConditionCheck": {"TableName": "t", "Key": key}}]},
    }
    named = {name for operation, body in requests.items() for name in name_items(operation, body, keys)}
    assert named == {ItemName("t", '{"S": "p"}', '{"N": "1"}')}
    assert named.pop().read_key(KeyNames("pk", "sk")) == key
    assert name_items("PutItem", {"TableName": "unknown", "Item": whole}, keys) == [None]
    assert name_items("Query", {"TableName": "t"}, keys) == []
