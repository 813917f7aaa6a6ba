"""Validation of the fields of an object."""

import pytest

from realtime_core.errors import Problem, ValidationFailed
from realtime_core.wire.fields import (
    PROBLEMS_MAX,
    Field,
    identifier,
    json_object,
    one_of,
    read_fields,
    reject_if_any,
    text,
    whole_number,
)
from realtime_core.wire.strict_json import INTEGER_MAX

FIELDS = (Field("name", text(3)), Field("size", whole_number(0, 9), 5))


def problems(raw, fields=FIELDS, path="data."):
    with pytest.raises(ValidationFailed) as caught:
        read_fields(raw, fields, path)
    return {problem.field: problem.problem for problem in caught.value.problems}


def test_read_fields_returns_values_in_order_with_defaults():
    assert read_fields({"name": "abc"}, FIELDS) == ("abc", 5)
    assert read_fields({"size": 1, "name": "abc"}, FIELDS) == ("abc", 1)
    assert read_fields({}, ()) == ()


def test_read_fields_reports_every_problem_at_once():
    assert problems({"size": True, "colour": 1}) == {
        "data.name": "is missing",
        "data.size": "must be a whole number from 0 to 9",
        "data.colour": "is not a known field; known are name, size",
    }


def test_read_fields_without_expected_fields_reports_the_unknown():
    assert problems({"a": 1}, ()) == {"data.a": "is not expected here"}


def test_read_fields_with_long_names_reports_short_problems():
    reported = problems({f"{number}{'x' * 500}": 1 for number in range(1000)})
    assert len(reported) == PROBLEMS_MAX + 1
    assert reported["…"] == f"and {1001 - PROBLEMS_MAX} more problems"
    assert max(map(len, reported)) < 80


def test_reject_if_any_without_problems_does_not_raise():
    reject_if_any([])


def test_reject_if_any_reports_each_problem_up_to_the_maximum():
    expected = [Problem(str(number), "is wrong") for number in range(PROBLEMS_MAX)]
    with pytest.raises(ValidationFailed) as caught:
        reject_if_any(expected)
    assert list(caught.value.problems) == expected


NOT_STRINGS = [None, True, 1, 1.0, [], {}, ["a"]]


@pytest.mark.parametrize(
    ("read", "good", "bad"),
    [
        pytest.param(text(), ["a", "é" * 9999], ["", *NOT_STRINGS], id="text"),
        pytest.param(text(3), ["a", "😀😀😀"], ["", "abcd", *NOT_STRINGS], id="text-of-3"),
        pytest.param(
            identifier,
            ["a", "A9._:@|-", "x" * 128],
            ["", "x" * 129, "a b", "a\n", "é", "a#b", "a/b", *NOT_STRINGS],
            id="identifier",
        ),
        pytest.param(
            whole_number(0),
            [0, 1, 7.0, INTEGER_MAX],
            [-1, 0.5, INTEGER_MAX + 1, 1e300, float("inf"), float("nan"), True, False, "1", None, []],
            id="whole-number",
        ),
        pytest.param(
            whole_number(1, 100), [1, 100, 50.0], [0, 101, 100.5, True, "5"], id="whole-number-range"
        ),
        pytest.param(one_of("a", "b"), ["a", "b"], ["c", "A", "", *NOT_STRINGS], id="one-of"),
        pytest.param(json_object, [{}, {"a": 1}], [None, [], "{}", 1, True], id="json-object"),
    ],
)
def test_reader_accepts_valid_and_rejects_invalid_values(read, good, bad):
    for value in good:
        assert read(value, "data.x") == value
    for value in bad:
        with pytest.raises(ValidationFailed, match=r"^data\.x: must be "):
            read(value, "data.x")


def test_whole_number_converts_a_float_to_an_integer():
    assert type(whole_number(0)(7.0, "x")) is int
