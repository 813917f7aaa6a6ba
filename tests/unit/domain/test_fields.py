"""Reading the fields of an object from outside."""

import pytest

from realtime_core.errors import Problem, ValidationFailed
from realtime_core.wire.fields import (
    PROBLEMS_MAX,
    Field,
    identifier,
    json_object,
    one_of,
    read_fields,
    refuse_if,
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


def test_read_fields_names_all_that_is_wrong_at_once():
    assert problems({"size": True, "colour": 1}) == {
        "data.name": "is missing",
        "data.size": "must be a whole number from 0 to 9",
        "data.colour": "is not a known field; known are name, size",
    }


def test_read_fields_of_nothing_expected_names_what_came():
    assert problems({"a": 1}, ()) == {"data.a": "is not expected here"}


def test_read_fields_of_hostile_names_stays_short():
    found = problems({f"{number}{'x' * 500}": 1 for number in range(1000)})
    assert len(found) == PROBLEMS_MAX + 1
    assert found["…"] == f"and {1001 - PROBLEMS_MAX} more problems"
    assert max(map(len, found)) < 80


def test_refuse_if_nothing_is_wrong_lets_pass():
    refuse_if([])


def test_refuse_if_problems_are_just_enough_names_each():
    found = [Problem(str(number), "is wrong") for number in range(PROBLEMS_MAX)]
    with pytest.raises(ValidationFailed) as caught:
        refuse_if(found)
    assert list(caught.value.problems) == found


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
def test_reader_takes_the_good_and_names_the_bad(read, good, bad):
    for value in good:
        assert read(value, "data.x") == value
    for value in bad:
        with pytest.raises(ValidationFailed, match=r"^data\.x: must be "):
            read(value, "data.x")


def test_whole_number_of_a_float_is_an_integer():
    assert type(whole_number(0)(7.0, "x")) is int
