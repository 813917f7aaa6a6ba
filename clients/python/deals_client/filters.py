"""Which events a filter wants, by the rules of the wire protocol ("Topics and filters").

The service has the same rules; its table of cases tests both. A filter that the service accepted is matched;
it is not validated again.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, cast

from deals_client.json_values import is_list

Matcher: TypeAlias = Callable[[Mapping[str, Any], Mapping[str, Any]], bool]
"""Whether an event's `filters` and `data` pass."""
Test: TypeAlias = Callable[[Any], bool]
"""Whether a value passes; None stands for an absent attribute."""

SEARCHED_CHARS = 16_384
"""`contains` searches so many characters of a text, the first, as the service does."""

_RANGES: dict[str, Callable[[Any, Any], bool]] = {
    "gte": operator.ge,
    "gt": operator.gt,
    "lte": operator.le,
    "lt": operator.lt,
}
_TEXTS: dict[str, Callable[[str, str], bool]] = {
    "prefix": str.startswith,
    "suffix": str.endswith,
    "contains": lambda value, text: text in value[:SEARCHED_CHARS],
}
_SHORTHAND = re.compile(r"(min|max)([A-Z])(.*)", re.DOTALL)


def compile_filters(filters: Mapping[str, Any]) -> Matcher:
    """Return the matcher of a filter; all of its conditions must hold."""
    conditions = [_compile_attribute(name, condition) for name, condition in filters.items()]

    def matches(of_event: Mapping[str, Any], data: Mapping[str, Any]) -> bool:
        return all(test(_find(names, of_event, data)) for names, test in conditions)

    return matches


def _compile_attribute(name: str, condition: Any) -> tuple[tuple[str, ...], Test]:
    """Return the names by which an attribute is looked up, in order, and its test."""
    short = _SHORTHAND.fullmatch(name) if _is_number(condition) else None
    if short is None:
        return _names(name), _compile(condition)
    attribute = short[2].lower() + short[3]
    return (name, *_names(attribute)), _compile({"gte" if short[1] == "min" else "lte": condition})


def _names(name: str) -> tuple[str, ...]:
    return (name, "discountPercentage") if name == "discount" else (name,)


def _find(names: tuple[str, ...], filters: Mapping[str, Any], data: Mapping[str, Any]) -> Any:
    for name in names:
        if (value := filters.get(name)) is not None or (value := data.get(name)) is not None:
            return value
    return None


def _compile(condition: Any) -> Test:
    if isinstance(condition, list | tuple):
        items = cast(Sequence[Any], condition)
        return lambda value: any(_same(item, one) for item in items for one in _listed(value))
    if not isinstance(condition, Mapping):
        return lambda value: _same(condition, value)
    operators = cast(Mapping[str, Any], condition)
    if operators.keys() <= _RANGES.keys():
        bounds = [(_RANGES[name], bound) for name, bound in operators.items()]
        return lambda value: _is_number(value) and all(holds(value, bound) for holds, bound in bounds)
    [(name, argument)] = operators.items()
    return _compile_operator(name, argument)


def _compile_operator(name: str, argument: Any) -> Test:
    if name == "exists":
        return lambda value: (value is not None) is argument
    if name == "not":
        inner = _compile(argument)
        return lambda value: value is not None and not inner(value)
    if name == "anyOf":
        tests = [_compile(condition) for condition in argument]
        return lambda value: any(test(value) for test in tests)
    if name in _TEXTS:
        holds = _TEXTS[name]
        return lambda value: isinstance(value, str) and holds(value, argument)
    # A condition of a newer service: what it means only the service knows, and it has matched the event.
    return lambda _value: True


def _listed(value: Any) -> list[Any]:
    return value if is_list(value) else [value]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _same(wanted: Any, value: Any) -> bool:
    if isinstance(wanted, bool) or isinstance(value, bool):
        return wanted is value
    if isinstance(wanted, str) or isinstance(value, str):
        return isinstance(wanted, str) and wanted == value
    return _is_number(value) and bool(wanted == value)
