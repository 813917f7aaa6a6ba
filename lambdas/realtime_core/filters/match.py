"""Conditions of a filter as tests of one value.

A condition is given in its normalised form (`filter_parse`), a value as an event carries it; None stands for
an attribute that the event does not have, and fails every test but that of `{"exists": false}`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

Test = Callable[[Any], bool]

RANGE_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "gte": operator.ge,
    "gt": operator.gt,
    "lte": operator.le,
    "lt": operator.lt,
}
TEXT_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "prefix": str.startswith,
    "suffix": str.endswith,
    "contains": operator.contains,
}


def compile_condition(condition: Any) -> Test:
    """The test that a normalised condition stands for."""
    if isinstance(condition, list):
        return _any_of_values(condition)
    if not isinstance(condition, dict):
        return _equal(condition)
    if condition.keys() <= RANGE_OPERATORS.keys():
        return _range(condition)
    [(name, argument)] = condition.items()
    if name in TEXT_OPERATORS:
        return _text(TEXT_OPERATORS[name], argument)
    return _COMPOSED[name](argument)


def _equal(expected: str | float | bool) -> Test:
    if isinstance(expected, bool):
        return lambda value: value is expected
    if isinstance(expected, str):
        return lambda value: value == expected
    # 1 == True in Python, but booleans are not numbers here.
    return lambda value: value == expected and value.__class__ is not bool


def _any_of_values(expected: list[Any]) -> Test:
    # Kept apart because 1 and True are one element of a Python set.
    of_type = {
        kind: frozenset(value for value in expected if value.__class__ in kinds)
        for kind, kinds in ((str, (str,)), (bool, (bool,)), (int, (int, float)), (float, (int, float)))
    }

    def one(value: Any) -> bool:
        values = of_type.get(value.__class__)
        return values is not None and value in values

    return lambda value: any(map(one, value)) if value.__class__ is list else one(value)


def _range(bounds: dict[str, float]) -> Test:
    checks = [(RANGE_OPERATORS[name], bound) for name, bound in bounds.items()]
    if len(checks) == 1:
        [(holds, bound)] = checks
        return lambda value: _is_number(value) and holds(value, bound)
    return lambda value: _is_number(value) and all(holds(value, bound) for holds, bound in checks)


def _is_number(value: Any) -> bool:
    return value.__class__ is int or value.__class__ is float


def _text(holds: Callable[[str, str], bool], argument: str) -> Test:
    return lambda value: value.__class__ is str and holds(value, argument)


def _exists(wanted: bool) -> Test:
    return lambda value: (value is not None) is wanted


def _not(condition: Any) -> Test:
    test = compile_condition(condition)
    return lambda value: value is not None and not test(value)


def _any_of(conditions: list[Any]) -> Test:
    tests = [compile_condition(condition) for condition in conditions]
    return lambda value: any(test(value) for test in tests)


_COMPOSED: dict[str, Callable[[Any], Test]] = {"exists": _exists, "not": _not, "anyOf": _any_of}
