"""`History`: positions, repeats, events in flight and trimming, on DynamoDB and in memory."""

import json
import os
import threading

import pytest

from realtime_core.errors import StoreUnavailable
from realtime_core.history.base import HISTORY_EVENTS, HISTORY_SECONDS, IN_FLIGHT_SECONDS_MAX
from realtime_core.history.dynamodb import DynamoHistory
from realtime_core.history.memory import MemoryHistory
from tests.contract.support.watched_clients import watching

NOW_MS = 1_795_382_480_000


def text(event_id, **more):
    return json.dumps(
        {
            "eventId": event_id,
            "messageType": "dealUpdate",
            "topic": "books",
            "data": {},
            "filters": {},
            **more,
        }
    )


def claim_event(history, event_id, now_ms=NOW_MS):
    return history.claim(event_id, text(event_id), now_ms)


def publish(history, event_id, now_ms=NOW_MS):
    claim = claim_event(history, event_id, now_ms)
    history.finish(claim, f"answer of {event_id}", in_flight=False)
    return claim


@pytest.fixture
def dynamo_history(dynamodb):
    return DynamoHistory(dynamodb, "history", os.urandom, sleep=lambda _seconds: None)


@pytest.fixture(params=["dynamodb", "memory"])
def history(request):
    return request.getfixturevalue("dynamo_history") if request.param == "dynamodb" else MemoryHistory()


def test_bounds_of_an_empty_history(history):
    bounds = history.bounds(NOW_MS // 1000)
    assert (bounds.newest, bounds.floor, bounds.settled) == (0, 1, 0)
    assert list(history.events_between(1, 0)) == []


def test_positions_rise_and_events_are_in_order_across_buckets(history):
    positions = [publish(history, f"e{number}").position for number in range(205)]
    assert positions == list(range(1, 206))
    assert [event.event_id for event in history.events_between(99, 201)] == [
        f"e{number}" for number in range(98, 201)
    ]
    assert history.event_at(7).event_id == "e6"
    assert history.event_at(206) is None


def test_repeat_returns_the_first_answer_and_position(history):
    first = publish(history, "e")
    repeat = claim_event(history, "e", NOW_MS + 5000)
    assert (repeat.position, repeat.at_ms, repeat.answer) == (first.position, NOW_MS, "answer of e")
    assert publish(history, "other").position > first.position
    assert len(list(history.events_between(1, 10))) == 2


def test_event_id_is_new_after_a_day(history):
    first = publish(history, "e")
    later = claim_event(history, "e", NOW_MS + 25 * 3600 * 1000)
    assert later.answer is None
    assert later.position > first.position


def test_notification_has_no_position_and_its_repeat_returns_the_answer(history):
    claim = history.claim("n", None, NOW_MS)
    assert claim.position is None
    history.finish(claim, "the answer", in_flight=False)
    repeat = history.claim("n", None, NOW_MS + 1)
    assert (repeat.answer, repeat.at_ms) == ("the answer", NOW_MS)
    assert history.bounds(NOW_MS // 1000).newest == 0


def test_claim_on_an_event_that_is_being_published_raises(history):
    claim_event(history, "e")
    with pytest.raises(StoreUnavailable):
        claim_event(history, "e", NOW_MS + 1000)


def test_released_event_is_claimed_with_the_same_position(history):
    first = claim_event(history, "e")
    history.release(first)
    repeat = claim_event(history, "e", NOW_MS + 1000)
    assert (repeat.position, repeat.at_ms, repeat.answer) == (first.position, NOW_MS, None)


def test_claim_of_a_crashed_publisher_expires(dynamo_history):
    first = claim_event(dynamo_history, "e")
    repeat = claim_event(dynamo_history, "e", NOW_MS + 91_000)
    assert (repeat.position, repeat.answer) == (first.position, None)


def test_event_stores_the_lowest_position_in_flight(history):
    slow = claim_event(history, "slow")
    fast = publish(history, "fast")
    assert history.event_at(fast.position).low == slow.position
    assert history.bounds(NOW_MS // 1000).settled == slow.position - 1
    history.finish(slow, "done", in_flight=False)
    assert history.event_at(publish(history, "next").position).low == fast.position + 1
    assert history.bounds(NOW_MS // 1000).settled == fast.position + 1


def test_queued_event_is_in_flight_until_its_last_chunk_is_complete(history):
    claim = claim_event(history, "e")
    history.expect_chunks(claim, 3)
    history.finish(claim, "queued", in_flight=True)
    for chunk in (2, 0, 0, 2):
        history.complete_chunk(claim.position, chunk)
        assert history.bounds(NOW_MS // 1000).settled == claim.position - 1
    history.complete_chunk(claim.position, 1)
    assert history.bounds(NOW_MS // 1000).settled == claim.position
    history.complete_chunk(claim.position, 1)


def test_event_that_is_never_finished_expires(history):
    lost = claim_event(history, "lost")
    assert history.bounds(NOW_MS // 1000).settled == lost.position - 1
    later_ms = NOW_MS + (IN_FLIGHT_SECONDS_MAX + 1) * 1000
    assert history.bounds(later_ms // 1000).settled == lost.position
    after = publish(history, "after", later_ms)
    assert history.event_at(after.position).low == after.position


def test_concurrent_claims_store_an_event_once(history):
    answers, failed = [], []

    def run():
        try:
            claim = claim_event(history, "e")
        except StoreUnavailable:
            failed.append(1)
            return
        if claim.answer is None:
            history.finish(claim, "the answer", in_flight=False)
        answers.append((claim.position, claim.answer))

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) + len(failed) == 8
    assert sum(answer is None for _, answer in answers) == 1
    assert len({position for position, _ in answers}) == 1
    assert len(list(history.events_between(1, 20))) == 1


def test_trim_keeps_a_day_and_the_newest_events(history, monkeypatch):
    for module in ("realtime_core.history.dynamodb", "realtime_core.history.memory"):
        monkeypatch.setattr(f"{module}.HISTORY_EVENTS", 10)
    assert HISTORY_EVENTS == 10_000
    for number in range(25):
        publish(history, f"old{number}")
    day_later = NOW_MS + (HISTORY_SECONDS + 1) * 1000
    assert history.trim(NOW_MS + 1000) == 0, "nothing is a day old"
    assert history.trim(day_later) == 15
    assert history.bounds(day_later // 1000).floor == 16
    assert [event.position for event in history.events_between(1, 25)] == list(range(16, 26))
    assert history.trim(day_later) == 0


def test_publishing_takes_four_writes_and_a_repeat_three(dynamodb, dynamo_history):
    publish(dynamo_history, "first")
    with watching(dynamodb) as watch:
        publish(dynamo_history, "second")
    assert (watch.reads, watch.writes) == (0, 4)
    with watching(dynamodb) as watch:
        claim_event(dynamo_history, "second")
    assert (watch.reads, watch.writes) == (0, 3)
