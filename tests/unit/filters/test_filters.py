"""Which events a filter matches, and which filters are equal."""

import json
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from realtime_core.errors import ValidationFailed
from realtime_core.filters.filters import Attributes, load_filter, parse_filter
from realtime_core.wire.strict_json import dumps
from tests.unit.filters.filter_cases import (
    CONDITIONS,
    EVENT_PARTS,
    FILTERS,
    NAMES,
    bounds_a_number,
    count,
    naive_matches,
    shuffled,
)


def matches(raw, filters=None, data=None):
    return parse_filter(raw).matches(Attributes(filters or {}, data or {}))


TABLE = json.loads((Path(__file__).parents[3] / "clients/conformance/filter_cases.json").read_text())
"""Which filter matches which event. The clients match by the same table."""


@pytest.mark.parametrize("case", TABLE, ids=lambda case: str(case["filter"])[:40])
def test_filter_accepts_exactly_the_events_of_the_table(case):
    assert matches(case["filter"], case["filters"], case["data"]) is case["matches"]


@given(FILTERS, EVENT_PARTS, EVENT_PARTS)
@settings(max_examples=1000)
def test_matches_agrees_with_the_reference_evaluator(raw, filters, data):
    assert matches(raw, filters, data) is naive_matches(raw, filters, data)


@given(NAMES, CONDITIONS.filter(lambda condition: "'exists': False" not in str(condition)))
def test_absent_attribute_fails_every_condition_but_exists_false(name, condition):
    assume(count({name: condition}) <= 20 and bounds_a_number(name, condition))
    assert not matches({name: condition}, {"other": 1}, {"more": "a"})


@given(st.data(), FILTERS)
def test_filters_with_the_same_meaning_are_equal(data, raw):
    rewritten = shuffled(raw, data.draw)
    assume(count(rewritten) <= 20)
    first, second = parse_filter(raw), parse_filter(rewritten)
    assert first.canonical == second.canonical
    assert first == second
    assert len({first, second}) == 1


@given(FILTERS, EVENT_PARTS)
def test_canonical_form_is_stable_and_matches_the_same_events(raw, event):
    parsed = parse_filter(raw)
    reparsed = parse_filter(parsed.as_object())
    assert reparsed.canonical == parsed.canonical == dumps(parsed.as_object())
    attributes = Attributes(event, {})
    assert load_filter.__wrapped__(parsed.canonical).matches(attributes) is parsed.matches(attributes)


@pytest.mark.parametrize(
    ("raw", "canonical"),
    [
        ({}, "{}"),
        ({"b": 10.0, "a": -0.0}, '{"a":0,"b":10}'),
        ({"a": ["b", "a", "b"]}, '{"a":["a","b"]}'),
        ({"a": [1, True, 1.0, "1"]}, '{"a":["1",1,true]}'),
        ({"a": {"lt": 2.0, "gte": 1}}, '{"a":{"gte":1,"lt":2}}'),
        ({"a": {"anyOf": ["b", {"not": ["d", "c"]}, "b"]}}, '{"a":{"anyOf":["b",{"not":["c","d"]}]}}'),
        ({"a": 2.0**62}, f'{{"a":{2**62}}}'),
        ({"a": 2.0**63}, '{"a":9.223372036854776e+18}'),
        ({"é": "ü"}, '{"é":"ü"}'),
    ],
)
def test_canonical_is_sorted_without_duplicates_and_with_normalised_numbers(raw, canonical):
    assert parse_filter(raw).canonical == canonical


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ({"a": 1}, {"a": "1"}),
        ({"a": 1}, {"a": True}),
        ({"a": "b"}, {"a": ["b"]}),
        ({"a": 2**53}, {"a": 2**53 + 1}),
        ({"minX": 1}, {"x": {"gte": 1}}),
    ],
)
def test_filters_with_different_meanings_differ(left, right):
    assert parse_filter(left) != parse_filter(right)


def test_as_object_returns_a_copy():
    parsed = parse_filter({"a": [1, 2]})
    parsed.as_object()["a"].append(3)
    assert parsed.as_object() == {"a": [1, 2]}


def test_failed_parse_caches_no_filter():
    before = load_filter.cache_info().currsize
    with pytest.raises(ValidationFailed):
        parse_filter({"a": None})
    assert load_filter.cache_info().currsize == before


def test_filters_that_only_look_alike_are_parsed_apart():
    """What was parsed before is known by its text."""
    texts = [parse_filter({"a": value}).canonical for value in (1, 1.0, True, "1", [1], 1)]
    assert texts == ['{"a":1}', '{"a":1}', '{"a":true}', '{"a":"1"}', '{"a":[1]}', '{"a":1}']
    assert parse_filter({"b": 1, "a": 2}) == parse_filter({"a": 2, "b": 1})


def test_filter_is_refused_each_time_under_its_own_path():
    for path in ("data.filters", "filters", "data.filters"):
        with pytest.raises(ValidationFailed) as refused:
            parse_filter({"": 1}, path)
        assert [problem.field for problem in refused.value.problems] == [path]
