"""`Admission`: positions, repeats, take-overs, on DynamoDB and in memory."""

import threading

import pytest

from realtime_core.aws.http_response import HttpResponse
from realtime_core.errors import StoreUnavailable
from realtime_core.history.base import BATCH_EVENTS_MAX, NewEvent
from realtime_core.history.overtaken import IN_FLIGHT_SECONDS_MAX
from tests.contract.support.admitted import (
    BEGAN,
    NOW_MS,
    admit,
    claim,
    finish,
    new_event,
    publish,
    stored_events,
)
from tests.contract.support.watched_clients import hooked, watching

LATER_MS = NOW_MS + 33_000
"""A claim of NOW_MS is exclusive no longer."""
MUCH_LATER_MS = NOW_MS + (IN_FLIGHT_SECONDS_MAX + 1) * 1000
"""What was put in flight at NOW_MS is in flight no longer."""


def test_a_history_begins_at_its_time_and_positions_rise_by_one(stores):
    assert [publish(stores, f"e{number}").position for number in range(3)] == [BEGAN, BEGAN + 1, BEGAN + 2]
    bounds = stores.history.bounds()
    assert (bounds.newest, bounds.floor, bounds.whole) == (BEGAN + 2, BEGAN, True)


def test_a_history_made_again_begins_above_every_position_of_the_earlier_one(dynamodb, dynamo):
    """At a thousand events a millisecond it would still be above."""
    earlier = publish(dynamo, "e").position
    for name in ("counter", "floor"):
        dynamodb.delete_item(TableName="history", Key={"pk": {"S": name}, "position": {"N": "0"}})
    assert publish(dynamo, "new", NOW_MS + 1).position == earlier + 1000


def test_a_history_of_the_first_release_goes_on_from_its_counter(dynamodb, dynamo):
    counter = {"pk": {"S": "counter"}, "position": {"N": "0"}, "n": {"N": "500"}, "floor": {"N": "7"}}
    dynamodb.put_item(TableName="history", Item={**counter, "flying": {"M": {"179-a": {"N": "499"}}}})
    assert publish(dynamo, "e").position == 501
    bounds = dynamo.history.bounds()
    assert (bounds.newest, bounds.floor, bounds.whole) == (501, 7, False)


def test_events_are_stored_in_the_order_of_a_batch(stores):
    claims = stores.admission.claim_all([new_event(f"e{number}") for number in range(150)], NOW_MS)
    assert [claim.position for claim in claims] == list(range(BEGAN, BEGAN + 150))
    assert [event.event_id for event in stored_events(stores)] == [f"e{number}" for number in range(150)]


def test_a_batch_holds_events_of_topics_and_notifications(stores):
    notification = NewEvent("n", None)
    first, second, third = stores.admission.claim_all([new_event("a"), notification, new_event("b")], NOW_MS)
    assert (first.position, second.position, third.position) == (BEGAN, None, BEGAN + 1)
    for one in (first, second, third):
        finish(stores.admission, one)
    assert stores.history.settled(NOW_MS // 1000) == BEGAN + 1


def test_a_repeat_returns_the_first_answer_and_position(stores):
    first = publish(stores, "e")
    repeat = claim(stores, "e", NOW_MS + 5000)
    assert (repeat.position, repeat.answer, repeat.at_ms) == (first.position, "answer of e", NOW_MS)
    assert publish(stores, "other").position == first.position + 1, "a repeat takes no position"
    assert len(stored_events(stores)) == 2


def test_a_repeat_in_a_batch_harms_no_other(stores):
    first = publish(stores, "e")
    claims = stores.admission.claim_all([new_event(name) for name in ("a", "e", "b")], NOW_MS)
    assert [claim.position for claim in claims] == [BEGAN + 1, first.position, BEGAN + 2]
    assert claims[1].answer == "answer of e"


def test_an_event_id_is_new_after_a_day(stores):
    first = publish(stores, "e")
    later = claim(stores, "e", NOW_MS + 25 * 3600 * 1000)
    assert later.position > first.position
    assert later.answer is None


def test_a_notification_has_no_position_and_its_repeat_returns_the_answer(stores):
    first = admit(stores.admission, NewEvent("n", None), NOW_MS)
    assert first.position is None
    finish(stores.admission, first, "the answer")
    repeat = admit(stores.admission, NewEvent("n", None), NOW_MS + 1)
    assert (repeat.position, repeat.answer) == (None, "the answer")
    assert stores.history.bounds().newest == 0


def test_an_event_that_is_being_published_raises(stores):
    claim(stores, "e")
    with pytest.raises(StoreUnavailable, match="e is being published"):
        claim(stores, "e", NOW_MS + 1000)
    busy, other = stores.admission.claim_all([new_event("e"), new_event("f")], NOW_MS + 1000)
    assert isinstance(busy, StoreUnavailable)
    assert other.position == BEGAN + 1


def test_a_released_event_is_taken_over_at_its_position_and_its_batch(stores):
    first = claim(stores, "e")
    stores.admission.release_all([first])
    repeat = claim(stores, "e", NOW_MS + 1000)
    assert (repeat.position, repeat.batch, repeat.answer) == (first.position, first.batch, None)
    assert stores.history.settled(NOW_MS // 1000 + 1) == first.position - 1
    finish(stores.admission, repeat)
    assert stores.history.settled(NOW_MS // 1000 + 1) == first.position, "the first try's batch has ended"


def test_a_dead_publishers_event_is_taken_over_while_it_is_in_flight(stores):
    first = claim(stores, "e")
    taken = claim(stores, "e", LATER_MS)
    assert (taken.position, taken.batch, taken.at_ms) == (first.position, first.batch, NOW_MS)
    assert stores.history.settled(MUCH_LATER_MS // 1000) == first.position - 1, "its time started again"


def test_of_two_that_take_a_released_event_over_one_gets_it(dynamodb, dynamo):
    """The other one read the record before, and finds it changed: the event is being published."""
    dynamo.admission.release_all([claim(dynamo, "e")])
    taken = []

    def take_over_first(operation, _parameters):
        if operation == "UpdateItem" and not taken:
            taken.append(None)
            taken[0] = claim(dynamo, "e", NOW_MS + 1000)

    with hooked(dynamodb, take_over_first):
        [late] = dynamo.admission.claim_all([new_event("e")], NOW_MS + 2000)
    assert isinstance(late, StoreUnavailable)
    assert taken[0].position == BEGAN


def test_an_event_that_is_no_longer_in_flight_moves_to_a_new_position(stores):
    """A client may have passed its old position long ago."""
    first = claim(stores, "e", price=5)
    after = publish(stores, "after")
    moved = claim(stores, "e", MUCH_LATER_MS, price=5)
    assert moved.position == after.position + 1
    assert moved.at_ms == first.at_ms == NOW_MS
    assert [event.event_id for event in stored_events(stores)] == ["after", "e"]
    finish(stores.admission, moved)
    assert stores.history.settled(MUCH_LATER_MS // 1000) == moved.position
    assert claim(stores, "e", MUCH_LATER_MS + 1).answer == "done"


def test_concurrent_claims_store_an_event_once(stores):
    claims, errors = [], []

    def publish_once():
        try:
            one = claim(stores, "e")
        except StoreUnavailable as error:
            errors.append(error)
            return
        claims.append(one)
        if one.answer is None:
            finish(stores.admission, one, "the answer")

    threads = [threading.Thread(target=publish_once) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([one for one in claims if one.answer is None]) == 1
    assert len({one.position for one in claims}) == 1
    assert len(stored_events(stores)) == 1
    assert stores.history.settled(NOW_MS // 1000) == stores.history.bounds().newest, "no try left a batch"


def test_a_batch_stores_what_no_other_publisher_has_stored_meanwhile(dynamodb, dynamo):
    """Another publisher puts its records between the look at them and the transaction."""
    rivals = iter(["e1", "e3"])

    def interfere(operation, _parameters):
        if operation == "TransactWriteItems" and (rival := next(rivals, None)):
            publish(dynamo, rival)

    with hooked(dynamodb, interfere):
        claims = dynamo.admission.claim_all([new_event(f"e{number}") for number in range(5)], NOW_MS)
    assert [one.answer for one in claims] == [None, "answer of e1", None, "answer of e3", None]
    assert sorted(event.event_id for event in stored_events(dynamo)) == [f"e{number}" for number in range(5)]
    for one in claims:
        if one.answer is None:
            assert dynamo.history.settled(NOW_MS // 1000) < one.position
            finish(dynamo.admission, one)
    assert dynamo.history.settled(NOW_MS // 1000) == dynamo.history.bounds().newest


def test_a_transaction_whose_answer_was_lost_counts_as_taken(dynamodb, dynamo):
    """The client's next attempt meets the records that its first one has put."""
    lost = iter([True])

    def lose(operation, parameters):
        if operation == "TransactWriteItems" and next(lost, False):
            dynamodb.call(operation, parameters)

    with hooked(dynamodb, lose):
        first = claim(dynamo, "e")
    assert first.answer is None
    finish(dynamo.admission, first)
    assert dynamo.history.settled(NOW_MS // 1000) == first.position


@pytest.mark.parametrize("operation", ["BatchGetItem", "PutItem", "UpdateItem", "Query"])
def test_a_failed_try_leaves_nothing_that_the_next_does_not_take_over(dynamodb, dynamo, operation):
    broken = HttpResponse(400, b'{"__type":"com.amazonaws#AccessDeniedException"}')
    refuse = hooked(dynamodb, lambda called, _: broken if called == operation else None)
    with refuse, pytest.raises(StoreUnavailable):
        claim(dynamo, "e")
    second = claim(dynamo, "e", NOW_MS + 1)
    finish(dynamo.admission, second)
    assert dynamo.history.settled(NOW_MS // 1000) == second.position
    assert [event.event_id for event in stored_events(dynamo)] == ["e"]


def test_a_stored_event_whose_answer_was_lost_for_good_is_taken_over_at_once(dynamodb, dynamo):
    broken = HttpResponse(400, b'{"__type":"com.amazonaws#AccessDeniedException"}')

    def store_and_fail(operation, parameters):
        if operation == "TransactWriteItems":
            dynamodb.hooks, hooks = (), dynamodb.hooks
            dynamodb.call(operation, parameters)
            dynamodb.hooks = hooks
            return broken
        return None

    with hooked(dynamodb, store_and_fail), pytest.raises(StoreUnavailable):
        claim(dynamo, "e")
    assert claim(dynamo, "e", NOW_MS + 1).position == BEGAN


def test_large_events_are_split_over_transactions_of_4_mb(dynamodb, dynamo):
    sizes = []

    def weigh(operation, parameters):
        if operation == "TransactWriteItems":
            items = [write["Put"]["Item"] for write in parameters["TransactItems"]]
            sizes.append(sum(len(item.get("v", {"S": ""})["S"]) for item in items))

    with hooked(dynamodb, weigh):
        claims = dynamo.admission.claim_all(
            [new_event(f"e{n}", pad="x" * 120_000) for n in range(40)], NOW_MS
        )
    assert [one.position for one in claims] == list(range(BEGAN, BEGAN + 40))
    assert len(sizes) == 2
    assert max(sizes) < 4_000_000


def test_the_calls_of_publishing(dynamodb, dynamo):
    """Two reads: counter and records, in flight. Five writes: in flight, counter, events, answer, end."""
    publish(dynamo, "first")
    with watching(dynamodb) as watch:
        publish(dynamo, "second")
    assert (watch.reads, watch.writes) == (2, 5)
    with watching(dynamodb) as watch:
        claim(dynamo, "second")
    assert (watch.reads, watch.writes) == (1, 0)
    with watching(dynamodb) as watch:
        dynamo.admission.claim_all([new_event(f"b{number}") for number in range(BATCH_EVENTS_MAX)], NOW_MS)
    assert (watch.reads, watch.writes) == (2, 3), "a batch takes as many calls as one event"
