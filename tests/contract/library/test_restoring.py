"""Copying back what a table lost, from a table that was restored beside it."""

import pytest

from deals_ops.restoring import Copied, copy_records, count_unread
from realtime_core.auth.base import Revocation, block
from realtime_core.auth.dynamodb import DynamoRevocations
from realtime_core.errors import StoreUnavailable
from realtime_core.messages.dynamodb import DynamoMessages
from tests.contract.history.conftest import history_on_dynamodb
from tests.contract.support.admitted import BEGAN, NOW_MS, publish, stored_events
from tests.contract.support.cases import DAY, NOW, inbox, message
from tests.e2e.documented_shapes import documented_shape


@pytest.fixture
def restored(dynamodb):
    """A function that makes what AWS makes of a backup of now: a table beside the other."""

    def restore(table):
        described = dynamodb.describe_table(TableName=table)["Table"]
        name = f"{table}-restored"
        dynamodb.create_table(
            TableName=name,
            KeySchema=described["KeySchema"],
            AttributeDefinitions=[
                one
                for one in described["AttributeDefinitions"]
                if one["AttributeName"] in {key["AttributeName"] for key in described["KeySchema"]}
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        for item in everything(dynamodb, table):
            dynamodb.put_item(TableName=name, Item=item)
        return name

    return restore


def everything(dynamodb, table):
    return dynamodb.scan(TableName=table, ConsistentRead=True)["Items"]


def lose(dynamodb, table, keys, chosen=lambda _item: True):
    """Delete the chosen items."""
    for item in filter(chosen, everything(dynamodb, table)):
        dynamodb.delete_item(TableName=table, Key={name: item[name] for name in keys})


def is_entry(item):
    return item["sk"]["S"].startswith("m#")


def copy(dynamodb, table, source, now=NOW, **more):
    return copy_records(dynamodb, table, source=source, target=table, now=now, **more)


def test_lost_entries_come_back_and_what_was_done_since_stays(dynamodb, dynamo_stores, restored):
    for number in range(3):
        dynamo_stores.messages.put(message(number), f"q-{number}")
    name = restored("messages")
    dynamo_stores.messages.acknowledge("ben", message(1).message_id, "read", NOW)
    lost = message(0).message_id
    lose(dynamodb, "messages", ("user_id", "sk"), lambda item: item["sk"]["S"].endswith(lost))
    dynamo_stores.messages.put(message(7), None)

    dry = copy(dynamodb, "messages", name, dry_run=True)
    assert len(inbox(dynamo_stores)[0]) == 3
    done = copy(dynamodb, "messages", name)
    assert done == dry == (1, 5, 0, 1)
    found, _ = inbox(dynamo_stores)
    assert [one.status for one in found] == ["sent", "read", "sent", "sent"]
    assert dynamo_stores.messages.unread("ben", NOW) == 3
    assert copy(dynamodb, "messages", name) == (0, 6, 0, 0)


@pytest.mark.parametrize("counters", ["kept", "lost"])
def test_unread_counts_are_right_afterwards(dynamodb, dynamo_stores, restored, counters):
    for number in range(5):
        dynamo_stores.messages.put(message(number), None)
    dynamo_stores.messages.put(message(9, created_at=NOW + 2 * DAY), None)
    dynamo_stores.messages.acknowledge("ben", message(2).message_id, "read", NOW)
    name = restored("messages")
    lose(dynamodb, "messages", ("user_id", "sk"), None if counters == "lost" else is_entry)
    copy(dynamodb, "messages", name)
    assert dynamo_stores.messages.unread("ben", NOW) == 5
    # Day by day: the entries that expire first leave it with their counter.
    assert dynamo_stores.messages.unread("ben", NOW + 31 * DAY + 3600) == 1


def test_count_that_is_too_high_is_put_right(dynamodb, dynamo_stores):
    dynamo_stores.messages.put(message(1), None)
    dynamo_stores.messages.put(message(2), None)
    lose(
        dynamodb, "messages", ("user_id", "sk"), lambda item: item["sk"]["S"].endswith(message(1).message_id)
    )
    assert dynamo_stores.messages.unread("ben", NOW) == 2
    assert count_unread(dynamodb, "messages", "ben", NOW) == 1
    assert dynamo_stores.messages.unread("ben", NOW) == 1


def test_repeated_request_of_a_lost_table_is_known_again(dynamodb, dynamo_stores, restored):
    dynamo_stores.messages.put(message(1), "q-1")
    name = restored("messages")
    lose(dynamodb, "messages", ("user_id", "sk"))
    copy(dynamodb, "messages", name)
    assert dynamo_stores.messages.put(message(2), "q-1").message_id == message(1).message_id


def test_expired_records_are_left_out(dynamodb, restored):
    messages = DynamoMessages(dynamodb, "messages", retention_days=1)
    messages.put(message(), None)
    name = restored("messages")
    lose(dynamodb, "messages", ("user_id", "sk"))
    assert copy(dynamodb, "messages", name, now=NOW + 2 * DAY) == (0, 0, 1, 0)
    assert everything(dynamodb, "messages") == []


def test_history_gets_its_events_back_and_no_counter(dynamodb, restored):
    """A counter of before would give positions out twice."""
    stores = history_on_dynamodb(dynamodb)
    first = publish(stores, "e-1", NOW_MS)
    name = restored("history")
    second = publish(stores, "e-2", NOW_MS)
    lose(
        dynamodb,
        "history",
        ("pk", "position"),
        lambda item: item["position"]["N"] == str(first.position) or item["pk"]["S"] == "e#e-1",
    )
    assert copy(dynamodb, "history", name) == (2, 0, 0, 0)
    assert [event.event_id for event in stored_events(stores, BEGAN)] == ["e-1", "e-2"]
    assert stores.history.bounds().newest == second.position
    assert publish(stores, "e-1", NOW_MS + 1000).position == first.position


def test_revocations_and_blocks_come_back(dynamodb, restored):
    revocations = DynamoRevocations(dynamodb, "revocations")
    revocations.revoke(Revocation("eve", NOW, NOW))
    revocations.revoke(block("mallory", NOW))
    name = restored("revocations")
    lose(dynamodb, "revocations", ("subject",))
    assert copy(dynamodb, "revocations", name).copied == 2
    assert revocations.refusal("eve", None, NOW)
    assert [one.user_id for one in revocations.blocks()] == ["mallory"]


def test_copy_from_a_table_that_is_not_there_fails(dynamodb):
    with pytest.raises(StoreUnavailable, match="ResourceNotFound"):
        copy(dynamodb, "messages", "messages-of-nobody")


def test_what_the_command_prints_is_documented():
    assert set(documented_shape("restore")) == {"table", "from", "dryRun", *Copied._fields}
