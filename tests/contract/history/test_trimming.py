"""`Trimming`: what is removed, what is kept, and runs that die, on DynamoDB and in memory."""

import pytest

from realtime_core.aws.http_response import HttpResponse
from realtime_core.errors import StoreUnavailable
from realtime_core.history.base import EVENT_LIFETIME_SECONDS, HISTORY_EVENTS, HISTORY_SECONDS, KEPT_POSITIONS
from realtime_core.history.dynamodb_items import COUNTER, event_key
from tests.contract.support.admitted import BEGAN, NOW_MS, new_event, stored_events
from tests.contract.support.watched_clients import hooked, watching

DAY_LATER = NOW_MS + (HISTORY_SECONDS + 1) * 1000
REFUSED = HttpResponse(400, b'{"__type":"com.amazonaws#AccessDeniedException"}')


@pytest.fixture(autouse=True)
def _few_are_kept(monkeypatch):
    assert KEPT_POSITIONS >= HISTORY_EVENTS == 10_000
    monkeypatch.setattr("realtime_core.history.base.KEPT_POSITIONS", 10)
    monkeypatch.setattr("realtime_core.history.dynamodb_trimming.KEPT_POSITIONS", 10)


def publish_many(stores, count, now_ms=NOW_MS):
    stores.admission.claim_all([new_event(f"e{now_ms}-{number}") for number in range(count)], now_ms)


def store(dynamodb, first, last, now_ms=NOW_MS):
    """Put the events from BEGAN + first to BEGAN + last as they are stored, and the counter above them."""
    puts = [
        {
            "PutRequest": {
                "Item": {
                    **event_key(BEGAN + number),
                    "v": {"S": new_event(f"e{number}").text},
                    "at": {"N": str(now_ms)},
                }
            }
        }
        for number in range(first, last + 1)
    ]
    for start in range(0, len(puts), 25):
        dynamodb.batch_write_item(RequestItems={"history": puts[start : start + 25]})
    bounds = {"n": {"N": str(BEGAN + last)}, "began": {"N": str(BEGAN)}, "floor": {"N": str(BEGAN)}}
    dynamodb.put_item(TableName="history", Item={**COUNTER, **bounds})


def kept(stores):
    return [event.position - BEGAN for event in stored_events(stores)]


def test_a_day_and_the_newest_events_are_kept(stores):
    publish_many(stores, 25)
    assert stores.trimming.trim(NOW_MS + 1000, 60) == 0, "nothing is a day old"
    assert stores.trimming.trim(DAY_LATER, 60) == 15
    bounds = stores.history.bounds()
    assert (bounds.floor, bounds.whole) == (BEGAN + 15, False)
    assert kept(stores) == list(range(15, 25))
    assert stores.trimming.trim(DAY_LATER, 60) == 0


def test_a_young_event_and_all_after_it_are_kept(stores):
    publish_many(stores, 5)
    publish_many(stores, 20, DAY_LATER)
    assert stores.trimming.trim(DAY_LATER, 60) == 5
    assert stores.history.bounds().floor == BEGAN + 5


def test_what_is_about_to_outlive_its_item_counts_as_removed_however_few_came_after(stores):
    """The table's time to live would remove it without a word."""
    publish_many(stores, 3)
    publish_many(stores, 1, NOW_MS + (EVENT_LIFETIME_SECONDS - 1) * 1000)
    assert stores.trimming.trim(NOW_MS + EVENT_LIFETIME_SECONDS * 1000, 60) == 3
    assert stores.history.bounds().floor == BEGAN + 3


def test_the_floor_moves_over_positions_without_an_event(dynamodb, dynamo):
    """The first release stopped for ever behind 2,000 of them."""
    for number in (0, 1, 2, 5_003, 10_004):
        store(dynamodb, number, number)
    assert dynamo.trimming.trim(DAY_LATER, 60) == 4
    assert dynamo.history.bounds().floor > BEGAN + 5_003
    assert kept(dynamo) == [10_004]


def test_what_outlives_its_item_counts_as_removed_behind_partitions_that_have_expired(
    dynamodb, dynamo, monkeypatch
):
    """Those are looked beyond once an hour: nothing of them tells how old they are."""
    monkeypatch.setattr("realtime_core.history.dynamodb_trimming.KEPT_POSITIONS", 10_000)
    store(dynamodb, 4_000, 4_001)
    store(dynamodb, 8_000, 8_000, NOW_MS + (EVENT_LIFETIME_SECONDS - 1) * 1000)
    on_the_hour = NOW_MS // 3_600_000 * 3_600_000 + (EVENT_LIFETIME_SECONDS + 3600) * 1000
    with watching(dynamodb) as watch:
        assert dynamo.trimming.trim(on_the_hour + 60_000, 60) == 0
    assert watch.calls["Query"] <= 1 + 16
    assert dynamo.trimming.trim(on_the_hour, 60) == 2
    assert dynamo.history.bounds().floor == BEGAN + 4_002
    assert kept(dynamo) == [8_000]


def test_a_position_behind_old_events_that_may_still_get_an_event_is_not_passed(dynamodb, dynamo):
    store(dynamodb, 0, 2)
    store(dynamodb, 5, 40, DAY_LATER)
    dynamo.trimming.trim(DAY_LATER, 60)
    assert dynamo.history.bounds().floor == BEGAN + 3


def test_a_run_that_dies_leaves_nothing_behind(dynamodb, dynamo):
    store(dynamodb, 0, 59)
    died = iter([None])
    with (
        hooked(
            dynamodb,
            lambda called, _: REFUSED if called == "BatchWriteItem" and next(died, REFUSED) else None,
        ),
        pytest.raises(StoreUnavailable),
    ):
        dynamo.trimming.trim(DAY_LATER, 60)
    assert dynamo.history.bounds().floor == BEGAN + 50, "readers know already what may be missing"
    assert dynamo.trimming.trim(DAY_LATER, 60) == 25
    assert kept(dynamo) == list(range(50, 60))


def test_a_run_that_has_no_more_time_goes_on_in_the_next(dynamodb, dynamo, monkeypatch):
    monkeypatch.setattr("realtime_core.history.dynamodb_trimming.SLAB_BUCKETS", 1)
    store(dynamodb, 0, 229)
    clock = iter([0.0, 0.0, 0.0, 2.0])
    monkeypatch.setattr("realtime_core.history.dynamodb_trimming.time.monotonic", lambda: next(clock, 2.0))
    first = dynamo.trimming.trim(DAY_LATER, 1)
    monkeypatch.undo()
    assert 0 < first <= 100
    assert len(kept(dynamo)) == 230 - first


def test_removing_takes_a_query_for_a_hundred_events_and_a_write_for_25(dynamodb, dynamo):
    store(dynamodb, 0, 1_009)
    with watching(dynamodb) as watch:
        assert dynamo.trimming.trim(DAY_LATER, 60) == 1_000
    assert watch.calls["Query"] <= 1 + 11 + 1
    assert watch.calls["BatchWriteItem"] == 40
    assert watch.calls["UpdateItem"] == 2
