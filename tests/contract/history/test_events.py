"""`History`: what a replay reads, on DynamoDB and in memory."""

import pytest

from realtime_core.history.base import EVENT_LIFETIME_SECONDS, HISTORY_SECONDS, HistoryBounds
from realtime_core.history.dynamodb_items import event_key
from tests.contract.support.admitted import BEGAN, NOW_MS, new_event, publish, stored_events
from tests.contract.support.watched_clients import paged, watching


def positions(pages):
    return [event.position for page in pages for event in page.events]


def test_bounds_of_an_empty_history(stores):
    assert stores.history.bounds() == HistoryBounds(0, 1, True)
    assert stored_events(stores) == []


def test_an_empty_history_is_begun_by_the_janitor(stores):
    """So that even its first subscriber hears a position that is one of this history."""
    assert stores.trimming.trim(NOW_MS, 1) == 0
    assert stores.history.bounds() == HistoryBounds(BEGAN - 1, BEGAN, True)
    stores.trimming.trim(NOW_MS + 5000, 1)
    assert publish(stores, "e", NOW_MS + 6000).position == BEGAN


def test_events_are_in_order_across_buckets_and_pages(stores):
    stores.admission.claim_all([new_event(f"e{number}") for number in range(205)], NOW_MS)
    assert positions(stores.history.events(BEGAN + 99, BEGAN + 201)) == list(range(BEGAN + 99, BEGAN + 202))
    assert positions(stores.history.events(BEGAN + 3, BEGAN + 3)) == [BEGAN + 3]
    assert list(stores.history.events(BEGAN + 3, BEGAN + 2)) == []


def test_each_page_takes_one_read_and_says_how_far_it_looked(dynamodb, dynamo):
    dynamo.admission.claim_all([new_event(f"e{number}") for number in range(4)], NOW_MS)
    with paged(dynamodb, 3), watching(dynamodb) as watch:
        pages = list(dynamo.history.events(BEGAN, BEGAN + 250))
    assert [page.reached - BEGAN for page in pages] == [2, 99, 199, 250]
    assert watch.reads == len(pages)


def test_events_back_are_the_same_in_reverse_across_buckets(stores):
    stores.admission.claim_all([new_event(f"e{number}") for number in range(205)], NOW_MS)
    for first, last in ((99, 201), (0, 204), (3, 3), (150, 199)):
        back = positions(stores.history.events_back(BEGAN + last, BEGAN + first))
        assert back == list(range(BEGAN + last, BEGAN + first - 1, -1))
    assert list(stores.history.events_back(BEGAN + 2, BEGAN + 3)) == []


def test_events_back_are_complete_where_a_partition_takes_several_reads(dynamodb, dynamo):
    dynamo.admission.claim_all([new_event(f"e{number}") for number in range(205)], NOW_MS)
    with paged(dynamodb, 30):
        back = positions(dynamo.history.events_back(BEGAN + 204, BEGAN))
    assert back == list(range(BEGAN + 204, BEGAN - 1, -1))


def test_events_back_wait_three_times_for_a_thousand_positions(dynamodb, dynamo):
    with watching(dynamodb) as watch:
        pages = list(dynamo.history.events_back(BEGAN + 1_099, BEGAN + 100))
    assert (len(pages), watch.reads, watch.waits) == (10, 10, 3)
    assert [page.reached for page in pages] == list(range(BEGAN + 1_000, BEGAN, -100))


def test_events_back_leave_no_read_under_way_that_nobody_asked_for(dynamodb, dynamo):
    with watching(dynamodb) as watch:
        pages = dynamo.history.events_back(BEGAN + 1_099, BEGAN + 100)
        next(pages)
        pages.close()
    assert (watch.reads, dynamodb.under_way) == (2, set())


def test_last_event_until_is_the_event_or_the_nearest_below(stores):
    first = publish(stores, "first")
    assert stores.history.last_event_until(first.position, first.position).event_id == "first"
    assert stores.history.last_event_until(first.position + 150, first.position).event_id == "first"
    assert stores.history.last_event_until(first.position + 150, first.position + 1) is None


def test_last_event_until_takes_a_bounded_number_of_reads(dynamodb, dynamo):
    first = publish(dynamo, "first")
    with watching(dynamodb) as watch:
        assert dynamo.history.last_event_until(first.position, BEGAN).event_id == "first"
    assert watch.reads == 1
    with watching(dynamodb) as watch:
        assert dynamo.history.last_event_until(first.position + 10**9, BEGAN) is None
    assert watch.reads == 5


@pytest.mark.parametrize(
    ("expires_in", "kept"),
    [
        (None, EVENT_LIFETIME_SECONDS),
        (60, HISTORY_SECONDS),
        (HISTORY_SECONDS + 60, HISTORY_SECONDS + 60),
        (2 * EVENT_LIFETIME_SECONDS, EVENT_LIFETIME_SECONDS),
    ],
)
def test_an_event_is_forgotten_when_it_has_expired_but_not_within_a_day(dynamodb, dynamo, expires_in, kept):
    """Its item tells what it overtook, to clients who remember it."""
    now = NOW_MS // 1000
    expires_at = None if expires_in is None else now + expires_in
    claim = publish(dynamo, "e", expires_at=expires_at)
    item = dynamodb.get_item(TableName="history", Key=event_key(claim.position))["Item"]
    assert int(item["expires_at"]["N"]) == now + kept
    assert stored_events(dynamo)[0].expires_at == expires_at


@pytest.mark.parametrize("low", ["3", "7"])
def test_an_event_of_the_first_release_may_have_overtaken_all_from_its_low(dynamodb, dynamo, low):
    text = new_event("e").text
    item = {"pk": {"S": "b#0"}, "position": {"N": "7"}, "v": {"S": text}, "at": {"N": str(NOW_MS)}}
    dynamodb.put_item(TableName="history", Item={**item, "low": {"N": low}})
    overtaken = dynamo.history.last_event_until(7, 1).overtaken
    assert overtaken == ((3, None) if low == "3" else (None, ()))
