"""What filters take in a process that publishes, counted by tracemalloc, and the bound of it."""

import gc
import json
import tracemalloc

import pytest

from broadcast.filter_index import FilterIndex
from broadcast.group_index import TOPIC_BYTES, GroupIndex
from realtime_core.filters.filters import Attributes, load_filter
from realtime_core.subscriptions.base import Group
from tests.contract.support.cases import match
from tests.hostile_filters import NOW, SHAPES, attack, evaluated_to_the_end, everything_holds, group

COUNT = 100


def as_read(groups):
    """Texts of groups: each read makes strings of its own, as an answer of DynamoDB does."""
    return [json.dumps(list(item)) for item in groups]


@pytest.fixture
def traced():
    """Return the bytes that were allocated since the test began, and still are."""
    load_filter.cache_clear()
    gc.collect()
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_legal_filter_takes_at_most_10_kb_even_when_it_was_matched(shape, traced):
    texts = as_read(group(shape(number), number) for number in range(COUNT))
    assert all(len(json.loads(text)[2]) > 3_200 for text in texts), "about as large as a filter may be"
    FilterIndex().add(Group(*json.loads(texts[0])))  # what is made once is not counted
    before = traced()

    index = FilterIndex()
    for text in texts:
        index.add(Group(*json.loads(text)))
    for placement in index._placements.values():
        placement.entry.matches({})  # which compiles the rest of it

    gc.collect()
    taken = traced() - before
    assert taken / COUNT <= 10 * 1024
    assert taken <= 1.1 * index.bytes, "the bound counts about what is really taken"


class Registry:
    """The registry of one topic, and how often all of it was read."""

    def __init__(self, groups):
        self.listed, self.reads, self.new = list(groups), 0, []

    def groups(self, topic, now):
        self.reads += 1
        return list(self.listed)

    def announced(self, topic, since):
        return list(self.new)


def test_topic_that_exceeds_the_bound_is_read_for_each_event_and_kept_by_none():
    registry = Registry(group({"x": number}, number) for number in range(50))
    index = GroupIndex(registry, bytes_max=40 * 1_000)

    for _ in range(2):
        assert [item.filter for item in match(index, "a", Attributes({"x": 7}, {}), NOW)] == ['{"x":7}']
    assert (registry.reads, len(index._topics)) == (2, 0)

    del registry.listed[3:]
    match(index, "a", Attributes({"x": 2}, {}), NOW)
    assert [item.filter for item in match(index, "a", Attributes({"x": 2}, {}), NOW)] == ['{"x":2}']
    assert registry.reads == 3, "it is kept again"


def test_topic_that_outgrows_the_bound_by_announcements_is_dropped_and_still_answers():
    registry = Registry([group({"x": 0})])
    index = GroupIndex(registry, bytes_max=TOPIC_BYTES + 20_000)
    match(index, "a", Attributes({}, {}), NOW)

    registry.new = [group({"x": number}, number) for number in range(1, 20)]
    registry.listed += registry.new

    for _ in range(2):
        assert [item.filter for item in match(index, "a", Attributes({"x": 7}, {}), NOW)] == ['{"x":7}']
    assert (registry.reads, len(index._topics)) == (2, 0)


def test_ten_users_at_their_limit_for_three_hours_fill_no_memory():
    """The first release took 145 KB for such a filter, and listed two a second for each user."""
    count = attack(users=10, seconds=3 * 60 * 60)
    assert count == 10 * (100 + (3 * 60 * 60 - 1) // 100)
    registry = Registry([group(evaluated_to_the_end(number), number) for number in range(count)])
    index = GroupIndex(registry)

    event = everything_holds()
    assert match(index, "all-deals", event, NOW) == []
    assert match(index, "all-deals", event, NOW) == []

    assert registry.reads == 1, "they are kept"
    assert index._bytes() < 25_000_000
