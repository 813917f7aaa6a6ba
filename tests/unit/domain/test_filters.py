"""Which events a filter lets pass, and when two filters are one."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from realtime_core.errors import ValidationFailed
from realtime_core.filters.filters import Attributes, load_filter, parse_filter
from realtime_core.wire.strict_json import dumps

from .filter_cases import CONDITIONS, EVENT_PARTS, FILTERS, NAMES, count, naive_matches, shuffled


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
def test_condition_holds_for_exactly_the_values_of_the_contract(condition, passing, failing):
    for value in passing:
        assert matches({"x": condition}, {"x": value}), value
    for value in [*failing, None]:
        assert not matches({"x": condition}, {"x": value}), value
    assert not matches({"x": condition})


@pytest.mark.parametrize(
    "condition",
    [{"exists": False}, {"anyOf": ["a", {"exists": False}]}, {"anyOf": [{"anyOf": [{"exists": False}]}]}],
)
def test_only_exists_false_holds_on_an_absent_attribute(condition):
    assert matches({"x": condition})
    assert matches({"x": condition}, {"x": None}, {"x": None})
    assert not matches({"x": condition}, {"x": 0})


@pytest.mark.parametrize("condition", [{"not": "a"}, {"not": {"exists": False}}, {"not": {"exists": True}}])
def test_negation_fails_closed_on_an_absent_attribute(condition):
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
def test_attributes_come_from_filters_and_where_absent_there_from_data(filters, data, passes):
    assert matches({"x": "a"}, filters, data) is passes


def test_conditions_must_all_hold():
    both = {"category": "laptops", "price": {"lt": 500}}
    assert matches(both, {"category": "laptops"}, {"price": 499})
    assert not matches(both, {"category": "laptops"}, {"price": 500})
    assert not matches(both, {"category": "phones"}, {"price": 499})


def test_empty_filter_lets_everything_pass():
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
        ({"minPrice": "5"}, {"minPrice": "5"}, True),
        ({"minPrice": "5"}, {"price": "5"}, False),
        ({"minPrice": True}, {"minPrice": True, "price": 1}, True),
        ({"minPrice": {"gte": 5}}, {"price": 9}, False),
        ({"minimum": 5}, {"imum": 9}, False),
        ({"minimum": 5}, {"minimum": 5}, True),
        ({"min": 5}, {"min": 5}, True),
        ({"minX": 5, "maxX": 7}, {"x": 6}, True),
        ({"minX": 5, "maxX": 7}, {"x": 8}, False),
    ],
)
def test_shorthand_and_the_other_name_of_discount(raw, event, passes):
    assert matches(raw, event) is passes
    assert matches(raw, {}, event) is passes


@given(FILTERS, EVENT_PARTS, EVENT_PARTS)
@settings(max_examples=1000)
def test_matches_agrees_with_the_contract_read_literally(raw, filters, data):
    assert matches(raw, filters, data) is naive_matches(raw, filters, data)


@given(NAMES, CONDITIONS.filter(lambda condition: "'exists': False" not in str(condition)))
def test_absent_attribute_fails_every_condition_that_does_not_ask_for_absence(name, condition):
    assume(count({name: condition}) <= 20)
    assert not matches({name: condition}, {"other": 1}, {"more": "a"})


@given(st.data(), FILTERS)
def test_filters_that_mean_the_same_are_one(data, raw):
    otherwise = shuffled(raw, data.draw)
    assume(count(otherwise) <= 20)
    one, other = parse_filter(raw), parse_filter(otherwise)
    assert one.canonical == other.canonical
    assert one == other
    assert len({one, other}) == 1


@given(FILTERS, EVENT_PARTS)
def test_canonical_form_is_its_own_canonical_form_and_matches_alike(raw, event):
    parsed = parse_filter(raw)
    again = parse_filter(parsed.as_object())
    assert again.canonical == parsed.canonical == dumps(parsed.as_object())
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
def test_canonical_is_sorted_without_repeats_and_one_form_of_number(raw, canonical):
    assert parse_filter(raw).canonical == canonical


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1}, {"a": "1"}),
        ({"a": 1}, {"a": True}),
        ({"a": "b"}, {"a": ["b"]}),
        ({"a": 2**53}, {"a": 2**53 + 1}),
        ({"minX": 1}, {"x": {"gte": 1}}),
    ],
)
def test_filters_that_differ_in_meaning_stay_apart(one, other):
    assert parse_filter(one) != parse_filter(other)


def test_as_object_is_a_copy_that_may_be_changed():
    parsed = parse_filter({"a": [1, 2]})
    parsed.as_object()["a"].append(3)
    assert parsed.as_object() == {"a": [1, 2]}


def test_failed_parse_leaves_no_filter_behind():
    before = load_filter.cache_info().currsize
    with pytest.raises(ValidationFailed):
        parse_filter({"a": None})
    assert load_filter.cache_info().currsize == before
