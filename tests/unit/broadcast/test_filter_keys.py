"""What an event costs with hostile filters: the index looks up what it can, and tests one condition else."""

import random

import pytest

from broadcast.filter_index import FilterIndex
from broadcast.filter_keys import CONTAINS, SCANNED_MAX, find
from realtime_core.filters import filters as filters_module
from realtime_core.filters.filters import Attributes
from tests.hostile_filters import TESTED, group, hostile_event

COUNT = 300
LOOKED_UP = {"one_prefix", "one_suffix", "one_text", "one_attribute", "any_of_each_kind"}


@pytest.fixture
def tests_of(monkeypatch):
    """Match an event against an index; return how many conditions were tested."""
    tested = []
    first_failing = filters_module.first_failing

    def counted(predicates, values):
        failing = first_failing(predicates, values)
        tested.append((len(predicates) if failing < 0 else failing + 4) // 4)
        return failing

    monkeypatch.setattr("broadcast.filter_buckets.first_failing", counted)

    def act(index, event):
        tested.clear()
        assert index.match(event) == []
        return sum(tested)

    return act


def index_of(shape, count=COUNT):
    index = FilterIndex()
    for number in range(count):
        index.add(group(shape(number), number))
    return index


@pytest.mark.parametrize("shape", TESTED, ids=lambda shape: shape.__name__)
def test_event_costs_at_most_one_test_of_each_hostile_filter_after_the_first(shape, tests_of):
    index = index_of(shape)
    tests_of(index, hostile_event())

    assert tests_of(index, hostile_event()) <= (1 if shape.__name__ in LOOKED_UP else COUNT)


def test_filter_that_refuses_events_for_two_reasons_is_tested_twice_at_most(tests_of):
    index = index_of(lambda seed: {"a": 1} | {f"k{n:02}": {"not": f"x{seed}"} for n in range(9)})
    first = Attributes({"a": 1} | {f"k{n:02}": 0 for n in range(8)}, {})
    second = Attributes({"a": 1} | {f"k{n:02}": 0 for n in range(1, 9)}, {})
    for event in (first, second):
        tests_of(index, event)

    assert {tests_of(index, event) for event in (first, second, first)} == {2 * COUNT}


def test_contained_texts_are_spread_over_the_rarest_of_their_characters(tests_of):
    """All begin alike, as the event does; a filter with characters of its own is found by those."""
    index = index_of(lambda seed: {"title": {"contains": f"sale of {seed:04}"}})

    assert tests_of(index, Attributes({"title": "sale of the century"}, {})) <= COUNT // 30


@pytest.mark.parametrize("keys", [SCANNED_MAX, SCANNED_MAX + 1])
def test_keys_contained_in_a_text_are_found_whether_scanned_or_looked_up(keys):
    chance = random.Random(3)
    grams = {"": 0, "é": 1}
    while len(grams) < keys:
        grams.setdefault("".join(chance.choices("abcdefgh", k=chance.randint(1, 3))), len(grams))
    text = "".join(chance.choices("abcdefghi", k=60)) + "é"

    assert sorted(find(CONTAINS, grams, text)) == sorted(n for gram, n in grams.items() if gram in text)
    assert list(find(CONTAINS, grams, 7)) == []


@pytest.mark.parametrize(
    ("raw", "event", "matches"),
    [
        ({"a": {"prefix": "ab"}}, {"a": "abc"}, True),
        ({"a": {"prefix": "ab"}}, {"a": "ab"}, True),
        ({"a": {"prefix": ""}}, {"a": ""}, True),
        ({"a": {"prefix": "x" * 256}}, {"a": "x" * 256}, True),
        ({"a": {"prefix": "ab"}}, {"a": ["abc"]}, False),
        ({"a": {"suffix": "bc"}}, {"a": "abc"}, True),
        ({"a": {"suffix": ""}}, {"a": "abc"}, True),
        ({"a": {"suffix": "x" * 256}}, {"a": "y" * 300 + "x" * 256}, True),
        ({"a": {"contains": ""}}, {"a": ""}, True),
        ({"a": {"contains": "abcd"}}, {"a": "xabcdx"}, True),
        ({"a": {"contains": "abcd"}}, {"a": "xabc bcd"}, False),
        ({"a": {"anyOf": ["x", ["x", "y"], {"prefix": "x"}, {"contains": "x"}]}}, {"a": "x"}, True),
        ({"a": {"anyOf": ["x", ["x", "y"]]}}, {"a": ["z", "y", "x", "y"]}, True),
        ({"a": {"anyOf": ["x", {"exists": False}]}}, {}, True),
        ({"a": {"anyOf": ["x", {"not": "y"}]}}, {"a": "z"}, True),
        ({"a": {"anyOf": ["x", {"gt": 5}]}}, {"a": 6}, True),
        ({"a": {"anyOf": [{"prefix": f"p{n}"} for n in range(18)]}}, {"a": "p17"}, True),
        ({"a": ["", True, 1.5]}, {"a": [None, 7, 8, 9, ""]}, True),
        ({"a": ["b", True, 1.5]}, {"a": [7, 8, 9, True]}, True),
        ({"a": ["b", True, 1.5]}, {"a": [7, 8, 9, 1, ""]}, False),
        ({"a": {"exists": True}}, {"a": {"b": 1}}, True),
    ],
)
def test_filter_is_found_once_by_its_keys(raw, event, matches):
    index = FilterIndex()
    index.add(group(raw))

    assert len(index.match(Attributes({}, event))) == matches
