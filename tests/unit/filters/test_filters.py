"""Which events a filter matches, and which filters are equal."""

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


# condition, values that pass, values that do not
SEMANTICS = [
    ("a", ["a"], ["A", "", "ab", ["a"], {"a": 1}, 1, True]),
    (10, [10, 10.0], ["10", 10.5, [10], True]),
    (1, [1, 1.0], [True, "1"]),
    (0, [0, -0.0], [False, ""]),
    (True, [True], [1, 1.0, "true", False, [True]]),
    (False, [False], [0, -0.0, "", True]),
    (2**53 + 1, [2**53 + 1], [2**53, float(2**53)]),
    (["a", 1], ["a", 1, 1.0, ["x", "a"], [1.0]], ["b", True, [], ["A"], [["a"]], [True], {"a": 1}]),
    ([True], [True, [True]], [1, [1]]),
    ({"gte": 10}, [10, 10.0, 11, 2**63 - 1, 1e308], [9.99, "10", True, [10]]),
    ({"gt": 10}, [10.5], [10]),
    ({"lte": 10}, [10, -1e308], [10.5]),
    ({"lt": 10}, [9], [10]),
    ({"gte": 10, "lt": 20}, [10, 19.5], [20, 9]),
    ({"gt": 0, "gte": 5, "lt": 9, "lte": 9}, [5, 8], [4, 9]),
    ({"gt": 2**53}, [2**53 + 1], [2**53, float(2**53)]),
    ({"lt": 1e308}, [2**63 - 1], [1e308]),
    ({"prefix": "ab"}, ["ab", "abc"], ["a", "Abc", ["ab"], 1]),
    ({"suffix": "bc"}, ["bc", "abc"], ["c", "bcd", ["bc"]]),
    ({"contains": "b"}, ["b", "abc"], ["", "a", ["b"], {"b": 1}, 1]),
    ({"prefix": ""}, ["", "a"], [1, [], True]),
    ({"not": "a"}, ["b", 1, ["a"], False], ["a"]),
    ({"not": ["a", "b"]}, ["c", []], ["a", ["b", "c"]]),
    ({"not": {"gte": 10}}, [9, "x", True], [10]),
    ({"not": {"not": "a"}}, ["a"], ["b"]),
    ({"exists": True}, ["a", 0, False, "", [], {}], []),
    ({"not": {"exists": False}}, ["a", 0, False], []),
    ({"anyOf": ["a", {"gte": 10}]}, ["a", 10], ["b", 9]),
    ({"anyOf": [["a", "b"], {"not": {"exists": True}}]}, ["b", ["a"]], ["c"]),
]


@pytest.mark.parametrize(("condition", "passing", "failing"), SEMANTICS, ids=lambda case: str(case)[:40])
def test_condition_accepts_exactly_the_values_of_the_protocol(condition, passing, failing):
    for value in passing:
        assert matches({"x": condition}, {"x": value}), value
    for value in [*failing, None]:
        assert not matches({"x": condition}, {"x": value}), value
    assert not matches({"x": condition})


@pytest.mark.parametrize(
    "condition",
    [{"exists": False}, {"anyOf": ["a", {"exists": False}]}, {"anyOf": [{"anyOf": [{"exists": False}]}]}],
)
def test_exists_false_accepts_an_absent_attribute(condition):
    assert matches({"x": condition})
    assert matches({"x": condition}, {"x": None}, {"x": None})
    assert not matches({"x": condition}, {"x": 0})


@pytest.mark.parametrize("condition", [{"not": "a"}, {"not": {"exists": False}}, {"not": {"exists": True}}])
def test_negation_rejects_an_absent_attribute(condition):
    assert not matches({"x": condition})


@pytest.mark.parametrize(
    ("filters", "data", "passes"),
    [
        ({"x": "a"}, {"x": "b"}, True),
        ({"x": "b"}, {"x": "a"}, False),
        ({}, {"x": "a"}, True),
        ({"x": None}, {"x": "a"}, True),
        ({"x": "a"}, {"x": None}, True),
        ({"y": "a"}, {}, False),
    ],
)
def test_attributes_of_filters_take_precedence_over_data(filters, data, passes):
    assert matches({"x": "a"}, filters, data) is passes


def test_filter_matches_only_if_every_condition_holds():
    both = {"category": "laptops", "price": {"lt": 500}}
    assert matches(both, {"category": "laptops"}, {"price": 499})
    assert not matches(both, {"category": "laptops"}, {"price": 500})
    assert not matches(both, {"category": "phones"}, {"price": 499})


def test_empty_filter_matches_every_event():
    assert matches({})
    assert matches({}, {"a": 1}, {"b": [2]})


@pytest.mark.parametrize(
    ("raw", "event", "passes"),
    [
        ({"minDiscount": 20}, {"discount": 20}, True),
        ({"minDiscount": 20}, {"discount": 19.9}, False),
        ({"minDiscount": 20}, {"discountPercentage": 25}, True),
        ({"minDiscount": 20}, {"discount": 10, "discountPercentage": 25}, False),
        ({"minDiscount": 20}, {"minDiscount": 25}, True),
        ({"minDiscount": 20}, {"minDiscount": 15, "discount": 50}, False),
        ({"minDiscount": 20}, {"minDiscount": None, "discount": 50}, True),
        ({"minDiscount": 20}, {"discount": "50"}, False),
        ({"minDiscount": 20}, {}, False),
        ({"discount": {"gte": 20}}, {"discountPercentage": 20}, True),
        ({"discount": 20}, {"discount": None, "discountPercentage": 20}, True),
        ({"discount": 0}, {"discountPercentage": 0}, True),
        ({"discountPercentage": 20}, {"discount": 20}, False),
        ({"maxPrice": 100}, {"price": 100}, True),
        ({"maxPrice": 100}, {"price": 100.01}, False),
        ({"maxPrice": 100}, {"maxPrice": 90}, True),
        ({"maxPrice": 100}, {"maxPrice": 110, "price": 1}, False),
        ({"maxPricePerUnit": 5}, {"pricePerUnit": 5}, True),
        ({"minPrice": {"gte": 5}}, {"price": 9}, False),
        ({"minimum": 5}, {"imum": 9}, False),
        ({"minimum": 5}, {"minimum": 5}, True),
        ({"min": 5}, {"min": 5}, True),
        ({"minX": 5, "maxX": 7}, {"x": 6}, True),
        ({"minX": 5, "maxX": 7}, {"x": 8}, False),
    ],
)
def test_shorthands_and_fallback_attributes(raw, event, passes):
    assert matches(raw, event) is passes
    assert matches(raw, {}, event) is passes


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
