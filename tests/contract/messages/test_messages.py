import json
from functools import partial

import pytest

from realtime_core.errors import NotFound, ValidationFailed
from realtime_core.messages.dynamodb_items import repeat_item
from tests.contract.support.cases import DAY, NOW, at_once, inbox, message
from tests.contract.support.watched_clients import answering, before_next, recording


def test_put_stores_an_unread_message_in_the_recipients_inbox(stores):
    sent = message(content="schöne Grüße 👋")

    assert stores.messages.put(sent, None) == sent

    assert inbox(stores) == ([sent], None)
    assert stores.messages.unread("ben", NOW) == 1
    assert inbox(stores, "ann") == ([], None)
    assert stores.messages.unread("ann", NOW) == 0


@pytest.mark.parametrize(
    "content",
    [
        "",
        "x" * 120_000,
        {},
        {"price": 19.99, "count": 10**15, "big": 1.0, "none": None, "deep": {"a": [1, "2", {}]}},
    ],
    ids=["empty", "large", "no fields", "nested"],
)
def test_content_is_returned_exactly_as_it_was_stored(stores, content):
    stores.messages.put(message(content=content), "r1")

    [[stored], _] = inbox(stores)
    repeat = stores.messages.put(message(1, content=content), "r1")

    assert stored.content == repeat.content == content
    assert repr(stored.content) == repr(repeat.content) == repr(content)


def test_put_of_the_same_request_returns_the_first_message(stores):
    first = stores.messages.put(message(1), "r1")

    repeat = stores.messages.put(message(2, created_at=NOW + 7), "r1")

    assert repeat == first
    assert inbox(stores) == ([first], None)
    assert stores.messages.unread("ben", NOW) == 1


@pytest.mark.parametrize(
    "other",
    [
        message(2, recipient="cid"),
        message(2, content="changed"),
        message(2)._replace(type="image"),
        # Fields that joined without a border would be the same text.
        message(2, content="ext")._replace(type="t"),
    ],
    ids=["recipient", "content", "type", "shifted"],
)
def test_put_of_another_message_under_the_same_request_is_refused(stores, other):
    first = stores.messages.put(message(1), "r1")

    with pytest.raises(ValidationFailed) as refused:
        stores.messages.put(other, "r1")

    assert [problem.field for problem in refused.value.problems] == ["requestId"]
    assert inbox(stores) == ([first], None)
    assert inbox(stores, "cid") == ([], None)
    assert stores.messages.unread("ben", NOW) == 1
    assert stores.messages.put(message(3), "r1") == first, "a true repeat still is one"


def test_concurrent_puts_of_two_messages_under_one_request_store_one(stores):
    results = at_once(
        partial(stores.messages.put, message(1), "r1"),
        partial(stores.messages.put, message(2, recipient="cid"), "r1"),
    )

    assert sorted(type(result).__name__ for result in results) == ["Message", "ValidationFailed"]
    assert len(inbox(stores)[0] + inbox(stores, "cid")[0]) == 1


def test_put_compares_with_a_request_of_the_first_release_by_the_whole_message(dynamodb, dynamo_stores):
    """Its repeat record has no digest, and a copy of the entry."""
    first = message(1)
    record = {**repeat_item(first, "r1"), "content": {"S": json.dumps(first.content)}}
    del record["digest"]
    dynamodb.put_item(TableName="messages", Item=record)

    assert dynamo_stores.messages.put(message(2), "r1") == first
    with pytest.raises(ValidationFailed):
        dynamo_stores.messages.put(message(3, recipient="cid"), "r1")
    with pytest.raises(ValidationFailed):
        dynamo_stores.messages.put(message(3, content="changed"), "r1")


def test_repeat_record_has_what_the_first_release_replies_from_and_not_the_content(dynamodb, dynamo_stores):
    dynamo_stores.messages.put(message(content="x" * 100_000), "r1")

    key = {"user_id": {"S": "request#ann"}, "sk": {"S": "r#r1"}}
    record = dynamodb.get_item(TableName="messages", Key=key)["Item"]

    assert {"message_id", "recipient_id", "sender_id", "kind", "type", "created_at", "status"} < set(record)
    assert json.loads(record["content"]["S"]) == ""
    assert len(json.dumps(record)) < 1_000


def test_get_returns_an_entry_of_ones_own_inbox_until_it_expires(stores):
    stores.messages.put(message(), None)
    read = stores.messages.acknowledge("ben", message().message_id, "read", NOW)

    assert stores.messages.get("ben", message().message_id, NOW) == read
    assert stores.messages.get("ann", message().message_id, NOW) is None
    assert stores.messages.get("ben", message(1).message_id, NOW) is None
    assert stores.messages.get("ben", message().message_id, NOW + 30 * DAY) is None


def test_put_of_another_senders_request_id_is_another_message(stores):
    stores.messages.put(message(1, sender="ann"), "r1")
    stores.messages.put(message(2, sender="dan"), "r1")

    assert stores.messages.unread("ben", NOW) == 2


def test_put_of_a_request_id_after_a_day_is_a_new_message(stores):
    stores.messages.put(message(1), "r1")
    within = stores.messages.put(message(2, created_at=NOW + DAY - 1), "r1")
    later = stores.messages.put(message(3, created_at=NOW + DAY), "r1")

    assert within == message(1)
    assert later == message(3, created_at=NOW + DAY)
    assert [stored.message_id for stored in inbox(stores)[0]] == [message(1).message_id, later.message_id]


def test_put_of_the_same_message_id_is_one_message(stores):
    first = stores.messages.put(message(content="first"), None)

    assert stores.messages.put(message(content="second"), None) == first
    assert stores.messages.unread("ben", NOW) == 1


@pytest.mark.parametrize("number", range(10))
def test_concurrent_puts_of_one_request_store_one_message(stores, number):
    results = at_once(*[partial(stores.messages.put, message(n), "r1") for n in range(4)])

    assert len(set(results)) == 1
    assert inbox(stores) == ([results[0]], None)
    assert stores.messages.unread("ben", NOW) == 1


def test_concurrent_puts_for_one_recipient_count_each(stores):
    at_once(*[partial(stores.messages.put, message(n), f"r{n}") for n in range(8)])

    assert stores.messages.unread("ben", NOW) == len(inbox(stores)[0]) == 8


def test_put_all_stores_each_once_despite_repeats(stores):
    sent = [message(recipient=f"user{n}", kind="notification", content={"title": "t"}) for n in range(60)]
    stores.messages.put_all(sent[:20])

    stores.messages.put_all(sent)
    stores.messages.put_all(sent[30:] + sent[:3] + sent[:3])

    assert [inbox(stores, f"user{n}") for n in range(60)] == [([item], None) for item in sent]
    assert {stores.messages.unread(f"user{n}", NOW) for n in range(60)} == {1}


def test_put_all_stores_several_for_one_recipient_and_large_ones(stores):
    sent = [message(n, recipient=f"user{n % 2}", content="x" * 120_000) for n in range(30)]

    stores.messages.put_all(sent)
    stores.messages.put_all([])

    assert stores.messages.unread("user0", NOW) == stores.messages.unread("user1", NOW) == 15


def test_put_all_keeps_each_transaction_below_the_4_mb_of_dynamodb(dynamodb, dynamo_stores):
    sent = [message(recipient=f"user{n}", content="ü" * 60_000) for n in range(40)]

    # The emulator is not asked: it counts the escaped text, where AWS counts UTF-8, as the limits here do.
    passed = (200, {})
    with (
        answering(dynamodb, "TransactWriteItems", passed, passed),
        recording(dynamodb, "TransactWriteItems") as calls,
    ):
        dynamo_stores.messages.put_all(sent)

    sizes = [len(json.dumps(call["TransactItems"], ensure_ascii=False).encode()) for call in calls]
    assert len(sizes) == 2
    assert max(sizes) < 4_000_000


def test_acknowledge_advances_the_status(stores):
    stores.messages.put(message(), None)

    delivered = stores.messages.acknowledge("ben", message().message_id, "delivered", NOW + 5)
    assert delivered == message()._replace(status="delivered", delivered_at=NOW + 5)
    assert stores.messages.unread("ben", NOW) == 1

    read = stores.messages.acknowledge("ben", message().message_id, "read", NOW + 9)
    assert read == delivered._replace(status="read", read_at=NOW + 9)
    assert inbox(stores) == ([read], None)
    assert stores.messages.unread("ben", NOW) == 0


@pytest.mark.parametrize("late", ["delivered", "read"])
def test_acknowledge_of_a_read_message_changes_nothing(stores, late):
    stores.messages.put(message(1), None)
    stores.messages.put(message(2), None)
    read = stores.messages.acknowledge("ben", message(1).message_id, "read", NOW + 5)

    assert stores.messages.acknowledge("ben", message(1).message_id, late, NOW + 9) == read
    assert inbox(stores)[0][0] == read
    assert stores.messages.unread("ben", NOW) == 1


def test_acknowledge_delivered_twice_keeps_the_first_time(stores):
    stores.messages.put(message(), None)
    first = stores.messages.acknowledge("ben", message().message_id, "delivered", NOW + 5)

    assert stores.messages.acknowledge("ben", message().message_id, "delivered", NOW + 9) == first


@pytest.mark.parametrize("status", ["delivered", "read"])
def test_acknowledge_of_an_unknown_message_is_not_found(stores, status):
    with pytest.raises(NotFound):
        stores.messages.acknowledge("ben", message().message_id, status, NOW)
    assert inbox(stores) == ([], None)
    assert stores.messages.unread("ben", NOW) == 0


@pytest.mark.parametrize("status", ["delivered", "read"])
def test_acknowledge_of_another_users_message_is_not_found(stores, status):
    stores.messages.put(message(), None)

    with pytest.raises(NotFound):
        stores.messages.acknowledge("ann", message().message_id, status, NOW)
    assert inbox(stores) == ([message()], None)


def test_message_of_another_is_answered_like_one_that_does_not_exist(stores):
    """A stranger who guesses ids must not learn which of them exist."""
    stores.messages.put(message(), None)
    existing, unknown = message().message_id, message().message_id[:-1] + "1"
    assert existing != unknown

    answers = []
    for message_id in (existing, unknown):
        with pytest.raises(NotFound) as refused:
            stores.messages.acknowledge("ann", message_id, "read", NOW)
        error = refused.value
        answers.append((error.code, error.message.replace(message_id, "ID"), error.details))

    assert answers[0] == answers[1]


@pytest.mark.parametrize("status", ["delivered", "read"])
def test_acknowledge_of_an_expired_message_is_not_found(stores, status):
    stores.messages.put(message(), None)

    with pytest.raises(NotFound):
        stores.messages.acknowledge("ben", message().message_id, status, NOW + 30 * DAY)


@pytest.mark.parametrize("number", range(10))
def test_concurrent_acknowledges_count_once(stores, number):
    stores.messages.put(message(1), None)
    stores.messages.put(message(2), None)
    acknowledge = partial(stores.messages.acknowledge, "ben", message(1).message_id)

    results = at_once(
        *[partial(acknowledge, status, NOW) for status in ("read", "delivered", "read", "read")]
    )

    assert {result.message_id for result in results} == {message(1).message_id}
    assert inbox(stores)[0][0].status == "read"
    assert stores.messages.unread("ben", NOW) == 1


def test_acknowledge_read_concurrent_with_delivered_keeps_both_times(dynamodb, dynamo_stores):
    dynamo_stores.messages.put(message(), None)
    deliver = partial(dynamo_stores.messages.acknowledge, "ben", message().message_id, "delivered", NOW + 1)

    with before_next(dynamodb, "TransactWriteItems", deliver):
        after = dynamo_stores.messages.acknowledge("ben", message().message_id, "read", NOW + 2)

    assert after == message()._replace(status="read", delivered_at=NOW + 1, read_at=NOW + 2)
    assert inbox(dynamo_stores) == ([after], None)
    assert dynamo_stores.messages.unread("ben", NOW) == 0
