"""Ten users at every limit for three hours: what an event costs then, counted and not timed."""

import gc
import tracemalloc

import pytest

from realtime_core.filters import filters as filters_module
from realtime_core.filters.filters import load_filter
from tests.hostile_users import HostileUsers

USERS, HOURS = 10, 3
LISTED = USERS * (100 + (HOURS * 3600 - 10) // 100)
"""A hundred at once, and one in each hundred seconds since."""


@pytest.fixture(scope="module")
def attacked():
    users = HostileUsers(USERS)
    users.attack(HOURS * 3600)
    return users


@pytest.fixture
def conditions(monkeypatch):
    """Return how many conditions were tested since the last call."""
    tested = []
    first_failing = filters_module.first_failing

    def counted(predicates, values):
        failing = first_failing(predicates, values)
        tested.append((len(predicates) if failing < 0 else failing + 4) // 4)
        return failing

    monkeypatch.setattr("broadcast.filter_buckets.first_failing", counted)

    def read():
        count = sum(tested)
        tested.clear()
        return count

    return read


def test_attack_lists_no_more_than_the_limits_of_its_users(attacked):
    assert attacked.listed() == LISTED
    assert attacked.refused > 10 * LISTED, "they kept asking"


def test_event_after_the_attack_tests_one_condition_of_each_filter_at_most(attacked, conditions):
    assert attacked.publish()["total"] == 0
    conditions()

    attacked.now += 1
    assert attacked.publish()["total"] == 0

    assert 0 < conditions() <= LISTED


def test_event_after_the_attack_takes_little_memory(attacked):
    load_filter.cache_clear()
    gc.collect()
    tracemalloc.start()
    try:
        attacked.now += 1
        attacked.publish()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    # The texts were there before; in a function they are the index's own.
    assert peak < 32_000_000
    assert attacked.groups._bytes() < 10_000 * LISTED
