from realtime_core.messages.dynamodb_items import entry_item
from tests.contract.support.cases import DAY, NOW, all_pages, inbox, message
from tests.contract.support.watched_clients import paged


def test_inbox_pages_oldest_first_until_the_end(stores):
    sent = [message(n, created_at=NOW + n) for n in range(7)]
    for item in reversed(sent):
        stores.messages.put(item, f"r{item.created_at}")

    first, next_after = inbox(stores, limit=3)
    second, last_after = inbox(stores, after=next_after, limit=3)
    third, end = inbox(stores, after=last_after, limit=3)

    assert (first, second, third) == (sent[:3], sent[3:6], sent[6:])
    assert end is None


def test_inbox_that_ends_with_a_full_page_has_no_next(stores):
    for n in range(4):
        stores.messages.put(message(n), None)

    assert inbox(stores, limit=4)[1] is None
    assert inbox(stores, after=message(3).message_id) == ([], None)


def test_inbox_after_an_id_between_messages_continues_there(stores):
    stores.messages.put(message(created_at=NOW), None)
    stores.messages.put(message(created_at=NOW + 10), None)

    messages, _ = inbox(stores, after=message(created_at=NOW + 5).message_id)

    assert messages == [message(created_at=NOW + 10)]


def test_inbox_omits_expired_messages(stores):
    stores.messages.put(message(created_at=NOW), None)
    stores.messages.put(message(created_at=NOW + 10), None)

    assert inbox(stores, now=NOW + 30 * DAY) == ([message(created_at=NOW + 10)], None)


def test_inbox_by_status_returns_all_of_that_status(stores):
    for n in range(9):
        stores.messages.put(message(n), None)
        if n % 3 == 0:
            stores.messages.acknowledge("ben", message(n).message_id, "read", NOW)

    read = all_pages(stores, status="read", limit=2)

    assert [item.message_id for item in read] == [message(n).message_id for n in (0, 3, 6)]
    assert len(all_pages(stores, status="sent", limit=4)) == 6
    assert all_pages(stores, status="delivered") == []


def test_inbox_by_a_rare_status_is_searched_to_the_end_in_bounded_calls(dynamodb, dynamo_stores):
    for n in range(12):
        dynamo_stores.messages.put(message(n), None)
    dynamo_stores.messages.acknowledge("ben", message(11).message_id, "read", NOW)

    with paged(dynamodb, 2):
        empty, next_after = inbox(dynamo_stores, status="read")
        messages = all_pages(dynamo_stores, status="read")

    assert (empty, next_after) == ([], message(7).message_id)
    assert [item.message_id for item in messages] == [message(11).message_id]


def test_unread_counts_messages_of_all_days(stores):
    for n in range(5):
        stores.messages.put(message(n, created_at=NOW + n * DAY), f"r{n}")
    stores.messages.acknowledge("ben", message(2, created_at=NOW + 2 * DAY).message_id, "read", NOW + 5 * DAY)

    assert stores.messages.unread("ben", NOW) == 4


def test_unread_messages_count_until_the_end_of_the_day_on_which_they_expire(stores):
    stores.messages.put(message(1), None)
    stores.messages.put(message(2, created_at=NOW + DAY), None)
    stores.messages.put(message(3), None)
    stores.messages.acknowledge("ben", message(3).message_id, "read", NOW)
    day_end = (NOW // DAY + 31) * DAY

    assert [stores.messages.unread("ben", now) for now in (NOW + 30 * DAY, day_end - 1)] == [2, 2]
    assert [stores.messages.unread("ben", now) for now in (day_end, day_end + DAY - 1)] == [1, 1]
    assert stores.messages.unread("ben", day_end + DAY) == 0


def test_unread_counters_of_one_day_expire_together_and_after_what_they_count(dynamodb, dynamo_stores):
    """One that counted down may have counted nothing up: alone it would be a wrong figure."""
    for n in range(24):
        dynamo_stores.messages.put(message(n, created_at=NOW + n * 3600), None)
        dynamo_stores.messages.acknowledge(
            "ben", message(n, created_at=NOW + n * 3600).message_id, "read", NOW + n * 3600 + DAY
        )

    items = dynamodb.scan(TableName="messages")["Items"]
    ends = {}
    for item in items:
        if item["sk"]["S"].startswith("unread#"):
            ends.setdefault(item["sk"]["S"].split("#")[1], set()).add(int(item["expires_at"]["N"]))
    assert len(ends) == 2
    for item in items:
        if item["sk"]["S"].startswith("m#"):
            entry_ends = int(item["expires_at"]["N"])
            [counter_ends] = ends[str(entry_ends // DAY)]
            assert 0 < counter_ends - entry_ends <= DAY


def test_unread_counters_of_the_first_release_count_with_the_others_and_end_with_their_entries(
    dynamodb, dynamo_stores
):
    """It had one for each day of storing: `unread#<day>`."""
    ends = (NOW // DAY + 1 + 30) * DAY
    for n in range(3):
        dynamodb.put_item(TableName="messages", Item=entry_item(message(n), 30))
    old = {"user_id": {"S": "ben"}, "sk": {"S": f"unread#{NOW // DAY}"}}
    dynamodb.put_item(TableName="messages", Item={**old, "n": {"N": "3"}, "expires_at": {"N": str(ends)}})
    dynamo_stores.messages.put(message(3), None)
    assert dynamo_stores.messages.unread("ben", NOW) == 4

    for n in (0, 3):
        dynamo_stores.messages.acknowledge("ben", message(n).message_id, "read", NOW)

    assert dynamo_stores.messages.unread("ben", NOW) == 2
    assert [dynamo_stores.messages.unread("ben", now) for now in (ends - 1, ends)] == [2, 0]
