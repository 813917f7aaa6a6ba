"""The filter index returns the same groups as testing every filter, for any filters and events."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broadcast.filter_buckets import Entry
from broadcast.filter_index import FilterIndex
from realtime_core.filters.filters import Attributes, parse_filter
from realtime_core.subscriptions.base import Group
from tests.matching_oracle import matching_groups
from tests.unit.filters.filter_cases import EVENT_PARTS, naive_matches
from tests.unit.filters.filter_cases import filters as generate_filters

FILTERS = generate_filters(4)


def group(raw, shards=1):
    canonical = parse_filter(raw).canonical
    return Group(canonical, "topic", canonical, shards)


def indexed(*raws):
    index = FilterIndex()
    for raw in raws:
        index.add(group(raw))
    return index


def ids(groups):
    return sorted(item.group_id for item in groups)


@given(st.lists(FILTERS, max_size=12), st.lists(st.tuples(EVENT_PARTS, EVENT_PARTS), min_size=1, max_size=4))
@settings(max_examples=600)
def test_match_agrees_with_testing_each_filter_and_with_the_protocol(raws, events):
    index = indexed(*raws)

    for filters, data in events:
        event = Attributes(filters, data)
        expected = ids(matching_groups({item.group_id: item for item in map(group, raws)}.values(), event))
        assert ids(index.match(event)) == expected
        assert expected == sorted({group(raw).group_id for raw in raws if naive_matches(raw, filters, data)})


@given(st.lists(st.tuples(st.booleans(), FILTERS), max_size=25), EVENT_PARTS)
@settings(max_examples=300)
def test_match_agrees_after_any_additions_and_removals(steps, data):
    index, expected = FilterIndex(), {}
    known = [group(raw) for _, raw in steps]
    for number, (adds, _) in enumerate(steps):
        # number // 2, so that most discarded groups are in the index.
        changed = known[number] if adds else known[number // 2]
        if adds:
            index.add(changed)
            expected[changed.group_id] = changed
        else:
            index.discard(changed)
            expected.pop(changed.group_id, None)

    event = Attributes({}, data)
    assert ids(index.match(event)) == ids(matching_groups(expected.values(), event))
    assert ids(index.groups()) == sorted(expected)
    assert len(index) == len(expected)


@given(st.lists(FILTERS, max_size=12))
def test_index_after_discarding_every_group_is_empty(raws):
    index = indexed(*raws)

    for raw in raws:
        index.discard(group(raw))

    assert len(index) == 0
    assert index._by_name == {}
    assert (index._unindexed.size, index._unindexed._ranges) == (0, {})


BIG = 2**62 + 1


@pytest.mark.parametrize(
    ("raw", "event", "matches"),
    [
        ({}, {}, True),
        ({"a": 10}, {"a": 10.0}, True),
        ({"a": 1}, {"a": True}, False),
        ({"a": True}, {"a": 1}, False),
        ({"a": [True, 0]}, {"a": [1, False]}, False),
        ({"a": [True, 0]}, {"a": [{"x": 1}, None, 0]}, True),
        ({"a": ["x", "y"]}, {"a": ["y", "x"]}, True),
        ({"a": "x"}, {"a": ["x"]}, False),
        ({"a": BIG}, {"a": float(BIG)}, False),
        ({"a": {"gt": BIG - 1}}, {"a": BIG}, True),
        ({"a": {"gt": BIG}}, {"a": float(BIG)}, False),
        ({"a": {"gte": 1, "lt": 2}}, {"a": 2}, False),
        ({"a": {"lte": 1}}, {"a": True}, False),
        ({"minPrice": 10}, {"price": 10}, True),
        ({"minPrice": 10}, {"price": 10, "minPrice": 9}, False),
        ({"maxDiscount": 10}, {"discountPercentage": 10}, True),
        ({"a": "x", "minPrice": 5, "tag": {"prefix": "t"}}, {"a": "x", "price": 5, "tag": "top"}, True),
        ({"a": "x", "minPrice": 5, "tag": {"prefix": "t"}}, {"a": "x", "price": 4, "tag": "top"}, False),
        ({"a": "x", "b": {"exists": False}}, {"a": "x"}, True),
        ({"a": "x", "b": {"exists": False}}, {"a": "x", "b": 0}, False),
    ],
)
def test_match_follows_the_protocol(raw, event, matches):
    assert bool(indexed(raw).match(Attributes({}, event))) is matches


@pytest.mark.parametrize("operator", ["gte", "gt", "lte", "lt"])
def test_match_includes_a_bound_only_for_gte_and_lte(operator):
    raws = [{"price": {operator: bound}} for bound in (9, 10, 11)]

    matched = indexed(*raws).match(Attributes({}, {"price": 10}))

    expected = {"gte": (9, 10), "gt": (9,), "lte": (10, 11), "lt": (11,)}[operator]
    assert ids(matched) == ids(group({"price": {operator: bound}}) for bound in expected)


def test_add_of_a_known_group_replaces_it():
    index = indexed({"a": 1})

    index.add(group({"a": 1}, shards=4))

    assert [item.shards for item in index.match(Attributes({}, {"a": 1}))] == [4]
    assert index.get(group({"a": 1}).group_id).shards == 4
    assert len(index) == 1


def test_match_tests_no_filter_of_another_value_or_range(monkeypatch):
    """Filters of other categories, and of lower prices, are not tested."""
    index = indexed(
        *[
            {"category": f"c{number % 100}", "maxPrice": number, "title": {"contains": "x"}}
            for number in range(1000)
        ]
    )
    tested = []
    matches = Entry.matches
    monkeypatch.setattr(
        "broadcast.filter_buckets.Entry.matches",
        lambda entry, values: tested.append(entry) or matches(entry, values),
    )

    matched = index.match(Attributes({}, {"category": "c8", "price": 500, "title": "x"}))

    assert len(matched) == len(tested) == 5
