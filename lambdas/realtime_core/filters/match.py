"""Conditions of a filter, compiled into predicates of one value.

Conditions are normalised (`filters.parse`); values are those of an event. None stands for an absent
attribute: only `{"exists": false}` accepts it.

A predicate is a function of this module and its argument, `test(argument, value)`: filters are kept by the
ten thousand, and a closure for each condition would take several times the memory of the filter's text. For
the same reason a list of values is one text.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeAlias

from realtime_core.filters.searching import contains

Test: TypeAlias = Callable[[Any, Any], bool]
"""A function of an argument and the event's value."""
Predicate: TypeAlias = tuple[Test, Any]
"""A test and its argument."""

RANGE_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "gte": operator.ge,
    "gt": operator.gt,
    "lte": operator.le,
    "lt": operator.lt,
}
TEXT_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "prefix": str.startswith,
    "suffix": str.endswith,
    "contains": contains,
}

_TEXT, _OTHER = "\x1f", "\x1e"
"""Around each text of a list of values, and around each number and boolean."""
_ESCAPED = str.maketrans({"\\": "\\\\", _TEXT: "\\t", _OTHER: "\\o"})
_TEXT_BYTE, _OTHER_BYTE = _TEXT.encode(), _OTHER.encode()
_SEARCHED_MAX = 3
"""Up to so many values of an event are searched in a packed list; for more it is split once."""
_WHOLE_MAX = 2.0**63
_SCALARS = frozenset({str, int, float, bool})
_KEYS_MAX = 256
"""Keys of the values of the last events: thousands of filters ask for the same few."""


def compile_condition(condition: Any) -> Predicate:
    """Compile a normalised condition into a predicate."""
    if isinstance(condition, list):
        return _is_listed, _pack(condition)
    if not isinstance(condition, dict):
        return _equal(condition)
    if condition.keys() <= RANGE_OPERATORS.keys():
        return _range(condition)
    [(name, argument)] = condition.items()
    return _compile_operator(name, argument)


def _compile_operator(name: str, argument: Any) -> Predicate:
    if name == "anyOf":
        return _compile_any(argument)
    if name == "not":
        return _holds_not, compile_condition(argument)
    return (_exists if name == "exists" else _TEXT_TESTS[name]), argument


def _compile_any(conditions: list[Any]) -> Predicate:
    """Compile `anyOf`, with its lists as one and its scalars as one: each then costs one search."""
    listed = [value for condition in conditions if condition.__class__ is list for value in condition]
    scalars = [condition for condition in conditions if condition.__class__ in _SCALARS]
    predicates = [compile_condition(item) for item in conditions if item.__class__ is dict]
    if listed:
        predicates.append((_is_listed, _pack(listed)))
    if scalars:
        predicates.append((_is_scalar_listed, _pack(scalars)))
    return predicates[0] if len(predicates) == 1 else (_holds_any, tuple(predicates))


def _equal(expected: str | float | bool) -> Predicate:
    if isinstance(expected, bool):
        return operator.is_, expected
    if isinstance(expected, str):
        return operator.eq, expected
    return _is_equal_number, expected


def _is_equal_number(expected: float, value: Any) -> bool:
    # 1 == True in Python, but booleans are not numbers here.
    return bool(value == expected and value.__class__ is not bool)


def _pack(values: list[Any]) -> bytes:
    """The values as one text in UTF-8, in which `_key` of each is found."""
    texts = [value for value in values if value.__class__ is str]
    others = [_number_or_boolean(value) for value in values if value.__class__ is not str]
    joined = _TEXT.join(texts)
    # Mostly nothing is to be escaped, and thousands of lists are packed for one event.
    if "\\" in joined or _OTHER in joined or joined.count(_TEXT) >= max(1, len(texts)):
        joined = _TEXT.join(value.translate(_ESCAPED) for value in texts)
    packed = _TEXT + joined + _TEXT if texts else ""
    return (packed + _OTHER + _OTHER.join(others) + _OTHER if others else packed).encode()


@lru_cache(maxsize=_KEYS_MAX, typed=True)  # typed: 1 and True are equal in Python
def _key(value: str | float | bool) -> bytes:
    """What a packed list contains if it has the value."""
    if isinstance(value, str):
        if "\\" in value or _TEXT in value or _OTHER in value:
            value = value.translate(_ESCAPED)
        # An event may have half a surrogate pair, which no filter has.
        return f"{_TEXT}{value}{_TEXT}".encode(errors="surrogatepass")
    return f"{_OTHER}{_number_or_boolean(value)}{_OTHER}".encode()


def _number_or_boolean(value: float | bool) -> str:
    """Equal numbers have the same text, as in a normalised filter: 10 and 10.0."""
    if isinstance(value, float) and value.is_integer() and -_WHOLE_MAX <= value < _WHOLE_MAX:
        return str(int(value))
    return repr(value)


def _is_scalar_listed(packed: bytes, value: Any) -> bool:
    return value.__class__ in _SCALARS and _key(value) in packed


def _is_listed(packed: bytes, value: Any) -> bool:
    if value.__class__ in _SCALARS:
        return _key(value) in packed
    if value.__class__ is not list:
        return False
    if len(value) <= _SEARCHED_MAX:
        return any(_key(item) in packed for item in value if item.__class__ in _SCALARS)

    # Searching for each value would take a multiple of splitting the list once.
    wanted_texts, wanted_others = _split_event(value)
    texts, _, others = packed.partition(_OTHER_BYTE)
    if wanted_texts and texts and not wanted_texts.isdisjoint(texts[1:-1].split(_TEXT_BYTE)):
        return True
    return bool(wanted_others) and not wanted_others.isdisjoint(others[:-1].split(_OTHER_BYTE))


_split_last: list[tuple[list[Any], frozenset[bytes], frozenset[bytes]]] = []
"""The last list of an event, with its keys without separators: thousands of filters ask for the same."""


def _split_event(values: list[Any]) -> tuple[frozenset[bytes], frozenset[bytes]]:
    """The keys of an event's texts, and of its numbers and booleans, without separators."""
    for known, texts, others in _split_last:
        if known is values:
            return texts, others
    texts = frozenset(_key(item)[1:-1] for item in values if item.__class__ is str)
    others = frozenset(
        _key(item)[1:-1] for item in values if item.__class__ in _SCALARS and item.__class__ is not str
    )
    _split_last[:] = [(values, texts, others)]
    return texts, others


def _range(bounds: dict[str, float]) -> Predicate:
    # Of two lower or two upper bounds one decides: at the same number the strict one.
    lower = max((item for item in bounds.items() if item[0][0] == "g"), key=_lower_order, default=None)
    upper = max((item for item in bounds.items() if item[0][0] == "l"), key=_upper_order, default=None)
    if lower is not None and upper is not None:
        return _is_within, (RANGE_OPERATORS[lower[0]], lower[1], RANGE_OPERATORS[upper[0]], upper[1])
    name, bound = lower or upper or ("", 0)
    return _RANGE_TESTS[name], bound


def _lower_order(bound: tuple[str, float]) -> tuple[float, bool]:
    return bound[1], bound[0] == "gt"


def _upper_order(bound: tuple[str, float]) -> tuple[float, bool]:
    return -bound[1], bound[0] == "lt"


def _is_number(value: Any) -> bool:
    # Not isinstance: a boolean is an int in Python, but not a number in a filter.
    return value.__class__ is int or value.__class__ is float


def _range_test(holds: Callable[[Any, Any], bool]) -> Test:
    return lambda bound, value: _is_number(value) and holds(value, bound)


def _is_within(bounds: tuple[Test, float, Test, float], value: Any) -> bool:
    above, lower, below, upper = bounds
    return _is_number(value) and above(value, lower) and below(value, upper)


def _text_test(holds: Callable[[str, str], bool]) -> Test:
    return lambda argument, value: value.__class__ is str and holds(value, argument)


def _exists(wanted: bool, value: Any) -> bool:
    return (value is not None) is wanted


def _holds_not(predicate: Predicate, value: Any) -> bool:
    test, argument = predicate
    return value is not None and not test(argument, value)


def _holds_any(predicates: tuple[Predicate, ...], value: Any) -> bool:
    return any(test(argument, value) for test, argument in predicates)


_RANGE_TESTS = {name: _range_test(holds) for name, holds in RANGE_OPERATORS.items()}
_TEXT_TESTS = {name: _text_test(holds) for name, holds in TEXT_OPERATORS.items()}
