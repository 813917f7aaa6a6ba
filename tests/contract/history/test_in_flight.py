"""What is in flight: what events overtake, chunks, leaks and their end, on DynamoDB and in memory."""

import itertools

import pytest

from realtime_core.aws.http_response import HttpResponse
from realtime_core.errors import StoreUnavailable
from realtime_core.history.base import Finished, new_tracking_id
from realtime_core.history.overtaken import BATCHES_MAX, IN_FLIGHT_SECONDS_MAX, InFlightBatch
from tests.contract.support.admitted import (
    BEGAN,
    NOW_MS,
    claim,
    finish,
    new_event,
    publish,
    stored_events,
)
from tests.contract.support.watched_clients import hooked, watching

NOW = NOW_MS // 1000
MUCH_LATER = NOW + IN_FLIGHT_SECONDS_MAX + 1
REFUSED = HttpResponse(400, b'{"__type":"com.amazonaws#AccessDeniedException"}')


@pytest.fixture(autouse=True)
def _begun(request):
    """The janitor has begun the history, so that even the first publisher knows the newest position."""
    name = "stores" if "stores" in request.fixturenames else "dynamo"
    request.getfixturevalue(name).trimming.trim(NOW_MS, 1)


def overtaken(stores, position):
    return stores.history.last_event_until(position, 1).overtaken


def items_in_flight(dynamodb):
    query = {
        "TableName": "history",
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": "inflight"}},
    }
    return dynamodb.query(**query)["Items"]


def test_an_event_stores_the_batches_in_flight_below_it(stores):
    slow = claim(stores, "slow")
    fast = publish(stores, "fast")
    assert overtaken(stores, slow.position).low is None
    assert overtaken(stores, fast.position).low == slow.position
    assert [batch.first or batch.batch for batch in overtaken(stores, fast.position).batches] in (
        [slow.batch],
        [slow.position],
    )
    assert stores.history.settled(NOW) == slow.position - 1
    finish(stores.admission, slow)
    assert overtaken(stores, publish(stores, "next").position).low is None
    assert stores.history.settled(NOW) == fast.position + 1


def test_events_of_a_batch_overtake_those_before_them_in_it(stores):
    claims = stores.admission.claim_all([new_event(f"e{number}") for number in range(3)], NOW_MS)
    assert overtaken(stores, claims[0].position).low is None
    for index, one in enumerate(claims[1:], 1):
        assert overtaken(stores, one.position).low == BEGAN
        (own,) = overtaken(stores, one.position).batches
        assert (own.first, own.size) == (BEGAN, index)


def test_a_batch_is_in_flight_until_its_last_event_is_settled(stores):
    claims = stores.admission.claim_all([new_event(f"e{number}") for number in range(3)], NOW_MS)
    for one in claims:
        assert stores.history.settled(NOW) == BEGAN - 1
        finish(stores.admission, one)
        finish(stores.admission, one)
    assert stores.history.settled(NOW) == BEGAN + 2


@pytest.mark.parametrize("order", list(itertools.permutations(["expect", 0, 1, 2])))
def test_a_queued_event_is_in_flight_until_its_last_chunk_whichever_is_told_first(stores, order):
    """A chunk may be posted before its publisher has said how many there are."""
    one = claim(stores, "e")
    tracking_id = new_tracking_id(one.position, NOW_MS)
    for step in order:
        assert stores.history.settled(NOW) == one.position - 1
        if step == "expect":
            stores.admission.expect_chunks(tracking_id, 3, [one])
            finish(stores.admission, one, "queued", in_flight=True)
        else:
            stores.chunks.complete_chunks(tracking_id, [step])
            if step != order[-1]:
                stores.chunks.complete_chunks(tracking_id, [step])
    assert stores.history.settled(NOW) == one.position
    stores.chunks.complete_chunks(tracking_id, [1])
    assert stores.history.settled(NOW) == one.position


def test_events_of_several_batches_that_share_chunks_are_settled_by_the_last_of_them(stores):
    """Those that fit one frame go out together, whatever batch they were admitted in."""
    early = stores.admission.claim_all([new_event("a"), new_event("b")], NOW_MS)
    late = claim(stores, "c")
    finish(stores.admission, early[1], "posted")
    shared = [early[0], late]
    tracking_id = new_tracking_id(early[0].position, NOW_MS)
    stores.admission.expect_chunks(tracking_id, 3, shared)
    stores.admission.finish_all([Finished(one, "queued", in_flight=True) for one in shared])

    stores.chunks.complete_chunks(tracking_id, [0, 2])
    assert stores.history.settled(NOW) == BEGAN - 1

    stores.chunks.complete_chunks(tracking_id, [2, 1])
    assert stores.history.settled(NOW) == BEGAN + 2


def test_chunks_of_an_attempt_that_failed_settle_nothing_of_the_next(stores):
    one = claim(stores, "e")
    for chunk in range(3):
        stores.chunks.complete_chunks(new_tracking_id(one.position, NOW_MS), [chunk])
    stores.admission.release_all([one])

    again = claim(stores, "e", NOW_MS + 50)
    stores.admission.expect_chunks(new_tracking_id(again.position, NOW_MS + 50), 3, [again])
    finish(stores.admission, again, "queued", in_flight=True)
    assert stores.history.settled(NOW) == one.position - 1


def test_a_chunk_that_an_earlier_version_counts_by_position_settles_its_event(dynamodb, dynamo):
    one = claim(dynamo, "e")
    chunks = {"expected": {"N": "1"}, "batch_id": {"N": str(one.batch)}, "batch_size": {"N": "1"}}
    key = {"pk": {"S": f"c#{one.position}"}, "position": {"N": "0"}}
    dynamodb.put_item(TableName="history", Item={**key, **chunks})

    dynamo.chunks.complete_chunks(one.position, [0])

    assert dynamo.history.settled(NOW) == one.position


def test_a_batch_that_is_finished_together_takes_one_write_for_its_answers_and_one_to_settle(
    dynamodb, dynamo
):
    with watching(dynamodb) as watch:
        claims = dynamo.admission.claim_all([new_event(f"e{number}") for number in range(10)], NOW_MS)
    assert (watch.reads, watch.writes) == (2, 3)

    with watching(dynamodb) as watch:
        dynamo.admission.finish_all(
            [Finished(one, f"{one.event_id} is out", in_flight=False) for one in claims]
        )
    assert (watch.reads, watch.writes) == (0, 2)
    assert dynamo.history.settled(NOW) == BEGAN + 9
    assert items_in_flight(dynamodb) == []

    with watching(dynamodb) as watch:
        repeats = dynamo.admission.claim_all([new_event(f"e{number}") for number in range(10)], NOW_MS + 9)
    assert [one.answer for one in repeats] == [f"e{number} is out" for number in range(10)]
    assert (watch.reads, watch.writes) == (1, 0)


def test_an_event_that_is_never_finished_ends_by_itself(stores):
    lost = claim(stores, "lost")
    assert stores.history.settled(NOW) == lost.position - 1
    assert stores.history.settled(MUCH_LATER) == lost.position
    after = publish(stores, "after", MUCH_LATER * 1000)
    assert overtaken(stores, after.position).low is None


def test_an_event_lists_many_batches_and_of_more_only_the_lowest_position(stores):
    leaks = [claim(stores, f"leak{number}") for number in range(BATCHES_MAX)]
    listed = overtaken(stores, publish(stores, "listed").position)
    assert len(listed.batches) == BATCHES_MAX
    claim(stores, "one more")
    assert overtaken(stores, publish(stores, "not listed").position) == (leaks[0].position, None)


def test_an_old_leaks_positions_are_looked_up_by_the_next_publisher(dynamodb, dynamo):
    """So that what comes after it repeats its event alone, and nothing else."""
    leak = claim(dynamo, "leak")
    publish(dynamo, "before", NOW_MS + 4_000)
    publish(dynamo, "looks up", NOW_MS + 6_000)
    after = publish(dynamo, "after", NOW_MS + 6_001)
    assert overtaken(dynamo, after.position) == (leak.position, (InFlightBatch(0, leak.position, 1),))


def test_a_batch_whose_publisher_died_before_it_stored_anything_ends_with_its_claim(dynamodb, dynamo):
    refuse = hooked(dynamodb, lambda called, _: REFUSED if called == "TransactWriteItems" else None)
    with refuse, pytest.raises(StoreUnavailable):
        claim(dynamo, "dead")
    publish(dynamo, "e1", NOW_MS + 31_000)
    assert dynamo.history.settled(NOW + 31) < BEGAN
    publish(dynamo, "e2", NOW_MS + 33_000)
    assert dynamo.history.settled(NOW + 33) == BEGAN + 2


def test_publishing_goes_on_after_thousands_of_leaks(dynamodb, dynamo):
    """The first release stopped for good at 301 of them."""
    leaks = [
        {
            "PutRequest": {
                "Item": {
                    "pk": {"S": "inflight"},
                    "position": {"N": str(number * 10**15)},
                    "e": {"S": f"leak{number}"},
                    "batch_size": {"N": "1"},
                    "began": {"N": str(NOW)},
                    "until": {"N": str(NOW + IN_FLIGHT_SECONDS_MAX)},
                }
            }
        }
        for number in range(1, 2_001)
    ]
    for start in range(0, len(leaks), 25):
        dynamodb.batch_write_item(RequestItems={"history": leaks[start : start + 25]})

    with watching(dynamodb) as watch:
        first = publish(dynamo, "among them")
    assert overtaken(dynamo, first.position) == (2, None)
    assert watch.reads <= 8

    with watching(dynamodb) as watch:
        second = publish(dynamo, "after their end", MUCH_LATER * 1000)
    assert overtaken(dynamo, second.position).low is None
    assert (watch.reads, watch.writes) <= (8, 6), "five of the publish, and one that removes 25 of them"

    dynamo.trimming.trim(MUCH_LATER * 1000, 60)
    assert items_in_flight(dynamodb) == []


@pytest.mark.parametrize("operation", ["BatchWriteItem", "GetItem"])
def test_tidying_up_that_fails_never_fails_a_publish(dynamodb, dynamo, operation):
    claim(dynamo, "ended", NOW_MS - (IN_FLIGHT_SECONDS_MAX + 1) * 1000)
    claim(dynamo, "old", NOW_MS - 60_000)

    def refuse(called, parameters):
        return REFUSED if called == operation and "PutRequest" not in str(parameters) else None

    with hooked(dynamodb, refuse), watching(dynamodb) as watch:
        assert publish(dynamo, "e").position == stored_events(dynamo)[-1].position
    assert watch.calls[operation] > 0
