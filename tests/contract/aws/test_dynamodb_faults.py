"""Faults of DynamoDB, and which of them callers see."""

import pytest

from realtime_core.aws import backoff
from realtime_core.aws.client import client
from realtime_core.aws.dynamodb import CONFLICT_ATTEMPTS
from realtime_core.connections.dynamodb import DynamoConnections
from realtime_core.errors import StoreUnavailable
from tests.contract.support.cases import ANY, NOW, connection, member_ids, message
from tests.contract.support.watched_clients import answering, cancelled, fault


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch):
    monkeypatch.setattr(backoff.time, "sleep", lambda _: None)


@pytest.mark.parametrize(
    "answer",
    [
        cancelled("TransactionConflict", "None"),
        cancelled("None", "ThrottlingError"),
        cancelled("ProvisionedThroughputExceeded", "TransactionConflict"),
    ],
)
def test_transaction_conflict_is_retried(dynamodb, dynamo_stores, answer):
    dynamo_stores.connections.add(connection())

    with answering(dynamodb, "TransactWriteItems", answer, answer):
        dynamo_stores.subscriptions.subscribe("c1", "a", ANY, NOW)

    assert member_ids(dynamo_stores, "a") == ["c1"]


def test_write_that_conflicts_with_a_transaction_is_retried(dynamodb, dynamo_stores):
    dynamo_stores.connections.add(connection())

    with answering(dynamodb, "DeleteItem", fault("TransactionConflictException")):
        removed = dynamo_stores.connections.remove("c1")

    assert removed == connection()


@pytest.mark.parametrize(
    ("code", "attempts"),
    [
        ("TransactionConflict", CONFLICT_ATTEMPTS),
        ("ThrottlingError", backoff.ATTEMPTS),
        ("ProvisionedThroughputExceeded", backoff.ATTEMPTS),
    ],
)
def test_persistent_trouble_raises_after_a_few_attempts(dynamodb, dynamo_stores, code, attempts):
    with (
        answering(dynamodb, "TransactWriteItems", *[cancelled(code, "None")] * 100) as seen,
        pytest.raises(StoreUnavailable, match=code),
    ):
        dynamo_stores.messages.put(message(), None)

    assert seen.calls == attempts
    assert dynamo_stores.messages.unread("ben", NOW) == 0


def test_conflict_after_throttling_is_waited_for(dynamodb, dynamo_stores):
    answers = [cancelled("ThrottlingError", "None")] * 3 + [cancelled("TransactionConflict", "None")] * (
        CONFLICT_ATTEMPTS - 4
    )

    with answering(dynamodb, "TransactWriteItems", *answers) as seen:
        dynamo_stores.messages.put(message(), None)

    assert seen.calls == CONFLICT_ATTEMPTS
    assert dynamo_stores.messages.unread("ben", NOW) == 1


@pytest.mark.parametrize(
    "answer",
    [fault("AccessDeniedException"), fault("ValidationException"), cancelled("ValidationError", "None")],
)
def test_permanent_fault_is_not_retried_and_raises_with_its_code(dynamodb, dynamo_stores, answer):
    with answering(dynamodb, "TransactWriteItems", *[answer] * 9) as seen:
        with pytest.raises(StoreUnavailable, match=r"TransactWriteItems failed: .*(Access|Valid)") as raised:
            dynamo_stores.messages.put(message(content="between us"), "r1")
        assert seen.calls == 1
    assert raised.value.__cause__ is not None
    assert "made up" not in str(raised.value)


def test_batch_delete_retries_unprocessed_items(dynamodb, dynamo_stores):
    topics = [f"t{n}" for n in range(30)]
    dynamo_stores.connections.add(connection())
    for topic in topics:
        dynamo_stores.subscriptions.subscribe("c1", topic, ANY, NOW)
    gone = dynamo_stores.connections.remove("c1")
    requests = [
        {"DeleteRequest": {"Key": {"pk": {"S": f"g#{item.group_id}#{item.shard}"}, "sk": {"S": "c1"}}}}
        for item in gone.subscriptions.values()
    ]
    nothing_done = (200, {"UnprocessedItems": {"subscriptions": requests[:25]}})

    with answering(dynamodb, "BatchWriteItem", nothing_done, nothing_done) as seen:
        dynamo_stores.subscriptions.remove_members([gone])

    assert seen.calls == 4
    assert member_ids(dynamo_stores, *topics) == []


def test_batch_delete_that_is_never_processed_raises(dynamodb, dynamo_stores):
    dynamo_stores.connections.add(connection())
    gone = dynamo_stores.subscriptions.subscribe("c1", "a", ANY, NOW)
    request = {"DeleteRequest": {"Key": {"pk": {"S": "g#x#0"}, "sk": {"S": "c1"}}}}
    nothing_done = (200, {"UnprocessedItems": {"subscriptions": [request]}})

    with (
        answering(dynamodb, "BatchWriteItem", *[nothing_done] * 99),
        pytest.raises(StoreUnavailable, match="1 of a batch"),
    ):
        dynamo_stores.subscriptions.remove_members([gone])


def test_conflicting_notifications_are_all_stored(dynamodb, dynamo_stores):
    sent = [message(recipient=f"user{n}", kind="notification") for n in range(60)]

    with answering(
        dynamodb, "TransactWriteItems", cancelled("TransactionConflict"), None, cancelled("ThrottlingError")
    ):
        dynamo_stores.messages.put_all(sent)

    assert {dynamo_stores.messages.unread(f"user{n}", NOW) for n in range(60)} == {1}


def test_members_that_cannot_be_read_raise(dynamodb, dynamo_stores):
    for n in range(12):
        dynamo_stores.connections.add(connection(f"c{n}"))
        dynamo_stores.subscriptions.subscribe(f"c{n}", "a", f'{{"x":{n}}}', NOW)
    groups = list(dynamo_stores.subscriptions.groups("a", NOW))

    with (
        answering(dynamodb, "Query", *[None] * 7, fault("AccessDeniedException")),
        pytest.raises(StoreUnavailable),
    ):
        list(dynamo_stores.subscriptions.members(groups, NOW))


def test_unreachable_dynamodb_raises_quickly(cloud):
    nowhere = client(
        "dynamodb",
        region_name="eu-west-1",
        endpoint_url="http://127.0.0.1:9",
        attempts=1,
    )

    with pytest.raises(StoreUnavailable, match="reached"):
        DynamoConnections(nowhere, "connections").add(connection())
