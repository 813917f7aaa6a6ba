"""Limits of filters: each rejection names the path and the limit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_core.errors import ValidationFailed
from realtime_core.filters.filters import parse_filter, weight_of
from realtime_core.wire.frames import error_frame
from tests.unit.wire.test_strict_json import JSON_VALUES


def problems(raw, **path):
    with pytest.raises(ValidationFailed) as caught:
        parse_filter(raw, **path)
    return {problem.field: problem.problem for problem in caught.value.problems}


def nested(depth, leaf="x"):
    for _ in range(depth - 1):
        leaf = {"not": leaf}
    return leaf


AT_THE_LIMIT = {
    "20 conditions": {f"a{number}": 1 for number in range(20)},
    "20 conditions, including nested ones": {"a": {"anyOf": list(range(18))}, "b": 1},
    "depth 4": {"a": nested(4)},
    "depth 4 through anyOf": {"a": {"anyOf": [{"not": {"anyOf": ["x"]}}]}},
    "50 values": {"a": list(range(50))},
    "256 characters": {"a": "é" * 256},
    "256 characters of an attribute": {"n" * 256: 1},
    "64-bit numbers": {"a": [2**63 - 1, -(2**63), 1.7e308]},
    "4 KB": {"a": ["x" * 253 + f"{number:02}" for number in range(15)] + ["x" * 216]},
}


@pytest.mark.parametrize("raw", AT_THE_LIMIT.values(), ids=AT_THE_LIMIT.keys())
def test_filter_at_a_limit_is_accepted(raw):
    parse_filter(raw)


def test_size_limit_applies_to_the_canonical_text():
    assert len(parse_filter(AT_THE_LIMIT["4 KB"]).canonical) == 4096


ROOT = "data.filters"
BEYOND = {
    "21 conditions": ({f"a{number}": 1 for number in range(21)}, ROOT, "21 conditions; at most 20"),
    "21 nested": (
        {"a": {"anyOf": list(range(19))}, "b": 1},
        ROOT,
        "21 conditions, including nested ones; at most 20",
    ),
    "21 of not": ({f"a{number}": {"not": 1} for number in range(11)}, ROOT, "22 conditions"),
    "depth 5": ({"a": nested(5)}, f"{ROOT}.a.not.not.not.not", "deeper than 4"),
    "depth 40": ({"a": nested(40)}, f"{ROOT}.a.not.not.not.not", "deeper than 4"),
    "51 values": ({"a": list(range(51))}, f"{ROOT}.a", "51 values; 1 to 50"),
    "no value": ({"a": []}, f"{ROOT}.a", "0 values; 1 to 50"),
    "51 of anyOf": ({"a": {"anyOf": [1] * 51}}, f"{ROOT}.a.anyOf", "51 values; 1 to 50"),
    "anyOf nothing": ({"a": {"anyOf": []}}, f"{ROOT}.a.anyOf", "1 to 50"),
    "257 characters": ({"a": "x" * 257}, f"{ROOT}.a", "257 characters; at most 256"),
    "257 in a list": ({"a": ["x", "x" * 257]}, f"{ROOT}.a[1]", "257 characters; at most 256"),
    "257 of a prefix": ({"a": {"prefix": "x" * 257}}, f"{ROOT}.a.prefix", "at most 256"),
    "257 of an attribute": ({"n" * 257: 1}, ROOT, "at most 256"),
    "4 KB and 1": ({"a": [*AT_THE_LIMIT["4 KB"]["a"][:15], "x" * 217]}, ROOT, "4097 bytes; at most 4096"),
    "4 KB in UTF-8": ({"a": [f"{'é' * 250}{number}" for number in range(9)]}, ROOT, "bytes; at most 4096"),
    "not an object": ([], ROOT, "must be an object"),
    "null filter": (None, ROOT, "must be an object"),
    "null": ({"a": None}, f"{ROOT}.a", '"exists": false'),
    "null in a list": ({"a": [1, None]}, f"{ROOT}.a[1]", "must be a string, a number or a boolean"),
    "list in a list": ({"a": [[1]]}, f"{ROOT}.a[0]", "must be a string, a number or a boolean"),
    "object in a list": ({"a": [{"gte": 1}]}, f"{ROOT}.a[0]", "must be a string, a number or a boolean"),
    "NaN": ({"a": float("nan")}, f"{ROOT}.a", "finite"),
    "infinity": ({"a": {"lt": float("inf")}}, f"{ROOT}.a.lt", "finite"),
    "beyond 64 bits": ({"a": 2**63}, f"{ROOT}.a", "64 bits"),
    "lone surrogate": ({"a": "\ud800"}, f"{ROOT}.a", "Unicode"),
    "range of text": ({"a": {"gte": "1"}}, f"{ROOT}.a.gte", "finite number"),
    "range of boolean": ({"a": {"gte": 1, "lt": True}}, f"{ROOT}.a.lt", "finite number"),
    "range of null": ({"a": {"gte": None}}, f"{ROOT}.a.gte", "finite number"),
    "unknown operator": (
        {"a": {"between": [1, 2]}},
        f"{ROOT}.a",
        'unknown operator "between"; known are gte',
    ),
    "unknown beside known": ({"a": {"gte": 1, "eq": 2}}, f"{ROOT}.a", 'unknown operator "eq"'),
    "no operator": ({"a": {}}, f"{ROOT}.a", "must have an operator; known are"),
    "two operators": ({"a": {"gte": 1, "exists": True}}, f"{ROOT}.a", "must have one operator"),
    "exists of a word": ({"a": {"exists": "yes"}}, f"{ROOT}.a.exists", "true or false"),
    "exists of 1": ({"a": {"exists": 1}}, f"{ROOT}.a.exists", "true or false"),
    "prefix of a number": ({"a": {"prefix": 1}}, f"{ROOT}.a.prefix", "must be a string"),
    "contains of a list": ({"a": {"contains": ["x"]}}, f"{ROOT}.a.contains", "must be a string"),
    "not of null": ({"a": {"not": None}}, f"{ROOT}.a.not", "must be a string, a number or a boolean"),
    "anyOf of a scalar": ({"a": {"anyOf": 1}}, f"{ROOT}.a.anyOf", "must be a list"),
    "deep inside anyOf": ({"a": {"anyOf": [1, {"not": {"gt": "x"}}]}}, f"{ROOT}.a.anyOf[1].not.gt", "finite"),
    "prefix of NaN in anyOf": (
        {"a": {"anyOf": [{"prefix": float("nan")}]}},
        f"{ROOT}.a.anyOf[0].prefix",
        "must be a string",
    ),
    "exists of NaN in anyOf": (
        {"a": {"anyOf": [{"exists": float("nan")}]}},
        f"{ROOT}.a.anyOf[0].exists",
        "true or false",
    ),
    "nameless attribute": ({"": 1}, ROOT, "without a name"),
}


@pytest.mark.parametrize(("raw", "field", "problem"), BEYOND.values(), ids=BEYOND.keys())
def test_filter_beyond_a_limit_is_rejected_with_path_and_limit(raw, field, problem):
    by_field = problems(raw)
    assert list(by_field) == [field]
    assert problem in by_field[field]


def test_every_problem_is_reported_under_the_callers_path():
    raw = {"a": None, "b": {"gte": "x", "lt": []}, "c": {"what": 1}}
    assert list(problems(raw, field="filters")) == ["filters.a", "filters.b.gte", "filters.b.lt", "filters.c"]


@given(JSON_VALUES | st.dictionaries(st.text(max_size=3), JSON_VALUES))
def test_any_json_is_a_filter_or_is_rejected_in_a_small_frame(raw):
    try:
        text = parse_filter(raw).canonical
    except ValidationFailed as failed:
        text = error_frame(failed, now=1, request_id="\x01" * 128)
    assert len(text.encode()) < 32 * 1024


@pytest.mark.parametrize("condition", ["400", "", True, [400], [], ["400"]])
def test_shorthand_with_anything_but_a_number_is_rejected(condition):
    """A form sends "400": it would be confirmed, and never match a price of 399."""
    assert "data.filters.maxPrice" in problems({"maxPrice": condition})


@pytest.mark.parametrize("condition", [400, 0.5, {"gte": 1}, {"exists": True}, {"anyOf": [1, 2]}])
def test_shorthand_with_a_number_or_operators_is_accepted(condition):
    assert parse_filter({"maxPrice": condition})


@pytest.mark.parametrize(
    ("raw", "weight"),
    [
        ({}, 1),
        ({"a": "x", "b": {"prefix": "y"}}, 1),
        ({"a": {"contains": "x"}}, 1),
        ({"a": {"contains": "x"}, "b": {"not": {"contains": "y"}}}, 2),
        ({"a": {"anyOf": [{"contains": str(number)} for number in range(18)]}}, 18),
        ({"a": ['{"contains":"x"}', '{"contains":"y"}']}, 1),
        ({"contains": "x"}, 1),
    ],
)
def test_filter_weighs_as_much_as_it_has_texts_to_search(raw, weight):
    assert weight_of(parse_filter(raw).canonical) == weight
