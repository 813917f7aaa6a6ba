"""JSON as the service reads and writes it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_core.wire.strict_json import (
    DEPTH_MAX,
    INTEGER_MAX,
    INTEGER_MIN,
    byte_length,
    dumps,
    loads,
    loads_unambiguous,
)

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(INTEGER_MIN, INTEGER_MAX)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
)

REFUSED = {
    "empty": ("", "not JSON"),
    "half": ('{"a":', "not JSON"),
    "two values": ("1 2", "not JSON"),
    "byte order mark": ("\ufeff{}", "not JSON"),
    "control character in a string": ('"\x00"', "not JSON"),
    "NaN": ('{"a":NaN}', "NaN"),
    "infinity": ("[Infinity]", "Infinity"),
    "negative infinity": ("-Infinity", "-Infinity"),
    "overflow to infinity": ("1e999", "too large"),
    "overflow to negative infinity": ("[-1e999]", "too large"),
    "one above 64 bits": (str(INTEGER_MAX + 1), "64 bits"),
    "one below 64 bits": (str(INTEGER_MIN - 1), "64 bits"),
    "more digits than Python converts": ("9" * 10_000, "64 bits"),
    "lone high surrogate": (r'"\ud83d"', "surrogate"),
    "lone low surrogate in a key": (r'{"\uDE00":1}', "surrogate"),
    "surrogates the wrong way round": (r'"\ude00\ud83d"', "surrogate"),
    "raw lone surrogate": ('"\ud800"', "surrogate"),
    "a level too deep": ("[" * (DEPTH_MAX + 1) + "]" * (DEPTH_MAX + 1), "nested deeper"),
    "far too deep": ("[" * 100_000 + "]" * 100_000, "nested deeper"),
    "far too deep objects": ('{"a":' * 50_000 + "1" + "}" * 50_000, "nested deeper"),
    "bytes that are not UTF-8": (b'"\xff"', "UTF-8 at byte 1"),
}


@pytest.mark.parametrize(("text", "problem"), REFUSED.values(), ids=REFUSED.keys())
def test_loads_refuses_with_the_reason(text, problem):
    with pytest.raises(ValueError, match=problem):
        loads(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[" * DEPTH_MAX + "]" * DEPTH_MAX, None),
        (f"[{INTEGER_MAX},{INTEGER_MIN}]", [INTEGER_MAX, INTEGER_MIN]),
        (r'"\ud83d\ude00"', "😀"),
        (r'"\\ud800"', r"\ud800"),
        ("1.7976931348623157e308", 1.7976931348623157e308),
        ("1e-999", 0.0),
        (b'{"a":"\xc3\xa9"}', {"a": "é"}),
        ("[" + ",".join(["{}"] * 500) + "]", [{}] * 500),
    ],
)
def test_loads_accepts_what_is_at_the_edge(text, value):
    loaded = loads(text)
    assert value is None or loaded == value


@given(JSON_VALUES)
def test_loads_returns_what_dumps_wrote(value):
    assert loads(dumps(value)) == value


@given(JSON_VALUES)
def test_loads_agrees_with_the_standard_library_on_sound_json(value):
    text = json.dumps(value, indent=1)
    assert loads(text) == json.loads(text)
    assert loads(text.encode()) == json.loads(text)


@given(st.text() | st.binary())
def test_loads_of_anything_returns_sendable_json_or_raises_value_error(text):
    try:
        value = loads(text)
    except ValueError:
        return
    dumps(value).encode()


def test_dumps_is_compact_and_keeps_unicode():
    assert dumps({"a": [1, "é😀\u2028"], "b": None}) == '{"a":[1,"é😀\u2028"],"b":null}'


def test_dumps_escapes_the_characters_that_sqs_refuses():
    text = dumps("a\ufffe\uffffb")
    assert not {"\ufffe", "\uffff"} & set(text)
    assert loads(text) == "a\ufffe\uffffb"


def _cycle():
    value = []
    value.append(value)
    return value


@pytest.mark.parametrize("value", [float("nan"), [float("inf")], {"a": object()}, {1, 2}, b"bytes", _cycle()])
def test_dumps_refuses_what_json_does_not_know(value):
    with pytest.raises(ValueError):  # noqa: PT011 - the reason is Python's own
        dumps(value)


@given(st.text(st.characters(codec="utf-8")))
def test_byte_length_is_that_of_utf8(text):
    assert byte_length(text) == len(text.encode())


@pytest.mark.parametrize(
    "text", ['{"a":1,"a":1}', '{"a":1,"\\u0061":2}', '[{"b":{"a":{},"a":[]}}]', '{"":1,"":2}']
)
def test_a_name_that_stands_twice_in_an_object_is_ambiguous(text):
    loads(text)
    with pytest.raises(ValueError, match="a name twice"):
        loads_unambiguous(text)


@given(JSON_VALUES)
def test_unambiguous_text_is_read_alike(value):
    assert loads_unambiguous(dumps(value)) == loads(dumps(value))
