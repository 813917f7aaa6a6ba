"""Conditions of a filter, compiled into predicates of one value.

Conditions are normalised (`filters.parse`); values are those of an event. None stands for an absent
attribute: only `{"exists": false}` accepts it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

Predicate = Callable[[Any], bool]

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


def compile_condition(condition: Any) -> Predicate:
    """Compile a normalised condition into a predicate."""
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


def _equal(expected: str | float | bool) -> Predicate:
    if isinstance(expected, bool):
        return lambda value: value is expected
    if isinstance(expected, str):
        return lambda value: value == expected
    # 1 == True in Python, but booleans are not numbers here.
    return lambda value: value == expected and value.__class__ is not bool


def _any_of_values(expected: list[Any]) -> Predicate:
    # One set for each type, because 1 and True are the same element of a Python set.
    by_type = {
        kind: frozenset(value for value in expected if value.__class__ in kinds)
        for kind, kinds in ((str, (str,)), (bool, (bool,)), (int, (int, float)), (float, (int, float)))
    }

    def contains(value: Any) -> bool:
        values = by_type.get(value.__class__)
        return values is not None and value in values

    return lambda value: any(map(contains, value)) if value.__class__ is list else contains(value)


def _range(bounds: dict[str, float]) -> Predicate:
    checks = [(RANGE_OPERATORS[name], bound) for name, bound in bounds.items()]
    if len(checks) == 1:
        [(holds, bound)] = checks
        return lambda value: _is_number(value) and holds(value, bound)
    return lambda value: _is_number(value) and all(holds(value, bound) for holds, bound in checks)


def _is_number(value: Any) -> bool:
    return value.__class__ is int or value.__class__ is float


def _text(holds: Callable[[str, str], bool], argument: str) -> Predicate:
    return lambda value: value.__class__ is str and holds(value, argument)


def _exists(wanted: bool) -> Predicate:
    return lambda value: (value is not None) is wanted


def _not(condition: Any) -> Predicate:
    predicate = compile_condition(condition)
    return lambda value: value is not None and not predicate(value)


def _any_of(conditions: list[Any]) -> Predicate:
    predicates = [compile_condition(condition) for condition in conditions]
    return lambda value: any(predicate(value) for predicate in predicates)


_COMPOSED: dict[str, Callable[[Any], Predicate]] = {"exists": _exists, "not": _not, "anyOf": _any_of}
