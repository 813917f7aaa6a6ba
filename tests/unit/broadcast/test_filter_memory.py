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
from tests.hostile_filters import NOW, SHAPES, evaluated_to_the_end, everything_holds, group

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
        return iter(self.listed)

    def announced(self, topic, since, known=None):
        return list(self.new)


def test_topic_that_exceeds_the_bound_is_read_for_each_event_and_kept_by_none():
    registry = Registry(group({"x": number}, number) for number in range(50))
    index = GroupIndex(registry, bytes_max=40 * 1_000)

    for _ in range(2):
        assert [item.filter for item in match(index, "a", Attributes({"x": 7}, {}), NOW)] == ['{"x":7}']
    assert (registry.reads, len(index._topics)) == (2, 0)

    del registry.listed[3:]
    for _ in range(3):
        assert [item.filter for item in match(index, "a", Attributes({"x": 2}, {}), NOW)] == ['{"x":2}']
    assert registry.reads == 4, "one event finds that there is room, the next one keeps it"


def test_topic_that_exceeds_the_bound_evicts_no_more_than_it_must():
    registry = Registry(group({"x": number}, number) for number in range(5))
    index = GroupIndex(registry, bytes_max=2 * (TOPIC_BYTES + 13_000))
    for topic in "ab":
        match(index, topic, Attributes({}, {}), NOW)
    assert list(index._topics) == ["a", "b"]

    registry.listed += [group({"x": number}, number) for number in range(5, 8)]
    match(index, "c", Attributes({}, {}), NOW)
    assert list(index._topics) == ["c"], "the others made room"
    assert index._bytes() <= 2 * (TOPIC_BYTES + 13_000)


@pytest.mark.parametrize("kept", [0, 5, 19])
def test_group_that_is_read_twice_is_matched_once_with_the_most_shards(kept):
    """In the index, one by one, and once in each."""
    few, many = group({"x": 1}, 99), group({"x": 1}, 99)._replace(shards=3)
    others = [group({"x": 0}, number) for number in range(20)]
    for first, second in ((few, many), (many, few)):
        registry = Registry([first, *others[:kept], second, *others[kept:]])
        index = GroupIndex(registry, bytes_max=40 * 1_000)
        for _ in range(2):
            assert match(index, "a", Attributes({"x": 1}, {}), NOW) == [many]


def test_topic_that_exceeds_the_bound_is_never_whole_in_memory(traced):
    """Its groups come as a stream; the texts are made as they are read, as from pages of DynamoDB."""
    bytes_max, count = 1_000_000, 1_000
    registry = Registry([])
    registry.groups = lambda *_: (
        Group(f"{number:020}", "a", json.dumps(evaluated_to_the_end(number))) for number in range(count)
    )
    index = GroupIndex(registry, bytes_max)
    before = traced()
    tracemalloc.reset_peak()

    for _ in range(2):
        assert match(index, "a", everything_holds(), NOW) == []

    assert tracemalloc.get_traced_memory()[1] - before < bytes_max + 500_000
    assert traced() - before < 50_000, "nothing of it is kept"


def test_topic_that_outgrows_the_bound_by_announcements_is_dropped_and_still_answers():
    registry = Registry([group({"x": 0})])
    index = GroupIndex(registry, bytes_max=TOPIC_BYTES + 20_000)
    match(index, "a", Attributes({}, {}), NOW)

    registry.new = [group({"x": number}, number) for number in range(1, 20)]
    registry.listed += registry.new

    for _ in range(2):
        assert [item.filter for item in match(index, "a", Attributes({"x": 7}, {}), NOW)] == ['{"x":7}']
    assert (registry.reads, len(index._topics)) == (2, 0)
