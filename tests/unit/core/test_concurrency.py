"""Calls made at once."""

import threading
import time

import pytest

from realtime_core.concurrency import batches, map_concurrently


def test_results_come_in_the_order_of_the_items():
    assert map_concurrently(lambda number: number * 2, range(40), workers=3) == list(range(0, 80, 2))


def test_an_error_is_raised_when_the_calls_that_have_begun_have_ended():
    together, ended = threading.Barrier(3), []

    def call(number):
        together.wait(5)
        if number == 0:
            raise ValueError("the first")
        time.sleep(0.2)
        ended.append(number)

    with pytest.raises(ValueError, match="the first"):
        map_concurrently(call, range(3))
    assert sorted(ended) == [1, 2]


def test_calls_that_have_not_begun_when_one_fails_are_not_made():
    failed, began = threading.Event(), []

    def call(number):
        began.append(number)
        if number == 0:
            failed.set()
            raise ValueError("the first")
        failed.wait(5)
        time.sleep(0.01)

    with pytest.raises(ValueError, match="the first"):
        map_concurrently(call, range(1_000), workers=2)
    assert len(began) < 500


def test_batches_hold_every_item_once_in_order():
    assert batches([1, 2, 3, 4, 5], 2) == [[1, 2], [3, 4], [5]]
    assert batches([1, 2], 2) == [[1, 2]]
    assert batches([], 2) == []


def test_one_item_needs_no_thread():
    assert map_concurrently(lambda _: threading.current_thread(), [1]) == [threading.current_thread()]
    assert threading.current_thread() not in map_concurrently(lambda _: threading.current_thread(), [1, 2])
