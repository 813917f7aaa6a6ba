"""Many messages at once for one inbox, where transactions conflict as DynamoDB's do."""

import json
from functools import partial
from itertools import chain
from random import Random

import pytest

from realtime_core.aws.http_response import HttpResponse
from realtime_core.ids import new_message_id
from realtime_core.messages.base import NotAllStored
from realtime_core.messages.dynamodb_items import COUNTER_SHARDS
from tests.contract.support.cases import NOW, message
from tests.contract.support.transactions import arrive, conflicting_transactions
from tests.contract.support.watched_clients import answering, cancelled, fault, hooked, watching


def messages_for_ben(count):
    """Messages of as many senders, with ids as random as they are in the service."""
    entropy = Random(5)
    return [
        message(sender=f"user{n}")._replace(message_id=new_message_id(NOW * 1000, entropy.randbytes(10)))
        for n in range(count)
    ]


@pytest.fixture
def clock(dynamodb, dynamo_stores, monkeypatch):
    with conflicting_transactions(dynamodb, monkeypatch) as clock:
        yield clock


@pytest.mark.parametrize("per_second", [100, 250])
def test_messages_to_one_inbox_are_all_stored_and_counted(clock, dynamo_stores, per_second):
    calls = [partial(dynamo_stores.messages.put, item, "r1") for item in messages_for_ben(120)]

    errors = arrive(clock, calls, per_second)

    assert errors == {}
    assert dynamo_stores.messages.unread("ben", NOW) == 120
    assert sum(clock.refused.values()) < 12


def test_one_counter_for_all_would_refuse_transactions_again_and_again(clock, dynamo_stores, monkeypatch):
    """That the conflicts of these tests are real ones; it is what the first release had."""
    monkeypatch.setattr("realtime_core.messages.dynamodb_items.COUNTER_SHARDS", 1)
    calls = [partial(dynamo_stores.messages.put, item, "r1") for item in messages_for_ben(120)]

    arrive(clock, calls, 100)

    assert sum(clock.refused.values()) > 120


def test_messages_that_come_while_others_are_read_are_counted_exactly(clock, dynamo_stores):
    messages, sent = dynamo_stores.messages, messages_for_ben(60)
    for item in sent[:30]:
        messages.put(item, None)
    read = [partial(messages.acknowledge, "ben", item.message_id, "read", NOW) for item in sent[:30]]
    put = [partial(messages.put, item, None) for item in sent[30:]]

    assert arrive(clock, chain.from_iterable(zip(read, put, strict=True)), 200) == {}

    assert messages.unread("ben", NOW) == 30


def busy(user_id):
    """A hook: someone else's transaction holds the user's items whenever another comes."""

    def refuse(operation, parameters):
        if operation != "TransactWriteItems":
            return None
        writes = [write for item in parameters["TransactItems"] for write in item.values()]
        users = [(write.get("Key") or write["Item"])["user_id"]["S"] for write in writes]
        if user_id not in users:
            return None
        status, body = cancelled(*("TransactionConflict" if user == user_id else "None" for user in users))
        return HttpResponse(status, json.dumps(body).encode())

    return refuse


def test_a_notification_reaches_all_others_although_one_is_busy_all_the_time(clock, dynamodb, dynamo_stores):
    sent = [message(recipient=f"user{n}", kind="notification", content={}) for n in range(120)]

    with hooked(dynamodb, busy("user7")), watching(dynamodb) as watch, pytest.raises(NotAllStored) as failed:
        dynamo_stores.messages.put_all(sent)

    assert failed.value.recipient_ids == {"user7"}
    # The transaction that met the conflict is repeated once for the others, and five times for that one.
    assert watch.writes == 3 + 1 + 5
    stored = {item["user_id"]["S"] for item in scan(dynamodb, "m#")}
    assert stored == {item.recipient_id for item in sent} - {"user7"}

    dynamo_stores.messages.put_all(sent[:50])
    assert len(scan(dynamodb, "m#")) == len(scan(dynamodb, "unread#")) == 120


def test_a_notification_in_an_outage_names_all_who_are_without_and_does_not_try_each(
    clock, dynamodb, dynamo_stores
):
    sent = [message(recipient=f"user{n}") for n in range(200)]
    down = [fault("InternalServerError", 500)] * 3

    with (
        answering(dynamodb, "TransactWriteItems", None, *down),
        watching(dynamodb) as watch,
        pytest.raises(NotAllStored) as failed,
    ):
        dynamo_stores.messages.put_all(sent)

    assert failed.value.recipient_ids == {f"user{n}" for n in range(50, 200)}
    assert watch.writes == 2


def test_an_inbox_has_a_bounded_number_of_counters(dynamodb, dynamo_stores):
    """As many as it has shards for each day, however many messages come."""
    for item in messages_for_ben(100):
        dynamo_stores.messages.put(item, None)

    counters = scan(dynamodb, "unread#")
    assert len({counter["sk"]["S"] for counter in counters}) <= COUNTER_SHARDS
    assert max(int(counter["n"]["N"]) for counter in counters) < 15, "none is hot"


def scan(dynamodb, prefix):
    items, start = [], {}
    while True:
        page = dynamodb.scan(TableName="messages", **start)
        items += [item for item in page["Items"] if item["sk"]["S"].startswith(prefix)]
        if "LastEvaluatedKey" not in page:
            return items
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
