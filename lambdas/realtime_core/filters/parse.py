"""Parsing of a client's filter into its normal form: validated, sorted, without duplicates."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from realtime_core.errors import Problem
from realtime_core.filters.match import RANGE_OPERATORS, TEXT_OPERATORS
from realtime_core.filters.searching import STRING_CHARS_MAX
from realtime_core.wire.fields import reject_if_any, shorten
from realtime_core.wire.strict_json import INTEGER_MAX, INTEGER_MIN, byte_length, dumps

CONDITIONS_MAX = 20
DEPTH_MAX = 4
LIST_VALUES_MAX = 50
FILTER_BYTES_MAX = 4 * 1024

_SINGLE_OPERATORS = (*TEXT_OPERATORS, "not", "anyOf", "exists")
_OPERATORS = ", ".join((*RANGE_OPERATORS, *_SINGLE_OPERATORS))
_SHORTHAND = re.compile(r"(min|max)([A-Z])(.*)", re.DOTALL)
_FLOAT_WHOLE_MAX = 2.0**63


def canonical_text(raw: Any, path: str) -> str:
    """Validate a filter; returns its normal form. Raises ValidationFailed with the path of each problem."""
    reader = _Reader()
    value = reader.filter(raw, path)
    reject_if_any(reader.problems)
    text = dumps(value)
    if (size := byte_length(text)) > FILTER_BYTES_MAX:
        reject_if_any(
            [Problem(path, f"takes {size} bytes; at most {FILTER_BYTES_MAX} are allowed per filter")]
        )
    return text


def expand_shorthand(name: str, condition: Any) -> tuple[str, str] | None:
    """The attribute and operator that `minX` or `maxX` with a number stands for, or None."""
    # Not isinstance: a boolean is an int in Python, and thousands of stored conditions are read at once.
    if condition.__class__ is not int and condition.__class__ is not float:
        return None
    if not (match := _SHORTHAND.fullmatch(name)):
        return None
    return shorthand_attribute(name), "gte" if match[1] == "min" else "lte"


def shorthand_attribute(name: str) -> str:
    """The attribute `x` that a short form `minX` or `maxX` bounds."""
    return name[3].lower() + name[4:]


class _Reader:
    """Reads one filter and collects its problems, instead of stopping at the first.

    What has a problem is read as None, so that the rest can go on with what JSON has.
    """

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._conditions = 0

    def filter(self, raw: Any, path: str) -> dict[str, Any]:
        if not isinstance(raw, dict):
            self._add_problem(path, "must be an object that maps attributes to conditions")
            return {}
        if len(raw) > CONDITIONS_MAX:
            self._add_problem(
                path, f"has {len(raw)} conditions; at most {CONDITIONS_MAX} are allowed per filter"
            )
            return {}

        conditions = {
            self._string(name, path): self._condition(value, f"{path}.{shorten(name)}", 1)
            for name, value in raw.items()
        }

        # A form sends "400", which would be accepted and never match a price of 399.
        for name, condition in conditions.items():
            if _SHORTHAND.fullmatch(name) and not _is_shorthand_condition(condition):
                self._add_problem(
                    f"{path}.{shorten(name)}",
                    'must be a number (400, not "400") or an object of operators: it bounds a number',
                )

        if "" in conditions:
            self._add_problem(path, "has a condition on an attribute without a name")
        if self._conditions > CONDITIONS_MAX:
            allowed = f"at most {CONDITIONS_MAX} are allowed per filter"
            self._add_problem(path, f"has {self._conditions} conditions, including nested ones; {allowed}")
        return dict(sorted(conditions.items()))

    def _condition(self, raw: Any, path: str, depth: int) -> Any:
        self._conditions += 1
        if depth > DEPTH_MAX:
            self._add_problem(path, f"is nested deeper than {DEPTH_MAX} conditions")
        elif isinstance(raw, list):
            return self._values(raw, path)
        elif isinstance(raw, dict):
            return self._operators(raw, path, depth)
        else:
            return self._scalar(raw, path)
        return None

    def _values(self, raw: list[Any], path: str) -> list[Any]:
        if not self._has_valid_length(raw, path):
            return []
        return _distinct(self._scalar(value, f"{path}[{index}]") for index, value in enumerate(raw))

    def _operators(self, raw: dict[str, Any], path: str, depth: int) -> Any:
        if raw and raw.keys() <= RANGE_OPERATORS.keys():
            return {name: self._number(raw[name], f"{path}.{name}") for name in sorted(raw)}
        if problem := _operator_problem(raw):
            self._add_problem(path, problem)
            return None
        [(name, argument)] = raw.items()
        return {name: self._argument(name, argument, f"{path}.{name}", depth)}

    def _argument(self, name: str, raw: Any, path: str, depth: int) -> Any:
        if name == "not":
            return self._condition(raw, path, depth + 1)
        if name == "anyOf":
            return self._any_of(raw, path, depth)
        if name == "exists":
            if isinstance(raw, bool):
                return raw
            self._add_problem(path, "must be true or false")
            return None
        if not isinstance(raw, str):
            self._add_problem(path, "must be a string")
            return None
        return self._string(raw, path)

    def _any_of(self, raw: Any, path: str, depth: int) -> list[Any]:
        if not isinstance(raw, list):
            self._add_problem(path, "must be a list of conditions")
            return []
        if not self._has_valid_length(raw, path):
            return []
        return _distinct(
            self._condition(condition, f"{path}[{index}]", depth + 1) for index, condition in enumerate(raw)
        )

    def _has_valid_length(self, raw: list[Any], path: str) -> bool:
        if 1 <= len(raw) <= LIST_VALUES_MAX:
            return True
        self._add_problem(path, f"has {len(raw)} values; 1 to {LIST_VALUES_MAX} are allowed per list")
        return False

    def _scalar(self, raw: Any, path: str) -> Any:
        if isinstance(raw, bool):
            return raw
        if isinstance(raw, str):
            return self._string(raw, path)
        if isinstance(raw, int | float):
            return self._number(raw, path)
        hint = '; use {"exists": false} for an absent attribute' if raw is None else ""
        self._add_problem(path, f"must be a string, a number or a boolean{hint}")
        return None

    def _string(self, raw: str, path: str) -> str:
        if len(raw) > STRING_CHARS_MAX:
            self._add_problem(
                path, f"has a string of {len(raw)} characters; at most {STRING_CHARS_MAX} are allowed"
            )
        elif not raw.isascii() and any("\ud800" <= char <= "\udfff" for char in raw):
            self._add_problem(path, "has a string that is not valid Unicode")
        return raw

    def _number(self, raw: Any, path: str) -> Any:
        if isinstance(raw, int) and not isinstance(raw, bool) and INTEGER_MIN <= raw <= INTEGER_MAX:
            return raw
        if isinstance(raw, float) and float("-inf") < raw < float("inf"):
            # Numbers have one form: a whole float that fits 64 bits becomes an integer.
            return int(raw) if raw.is_integer() and -_FLOAT_WHOLE_MAX <= raw < _FLOAT_WHOLE_MAX else raw
        self._add_problem(path, "must be a finite number; whole numbers have at most 64 bits")
        return None

    def _add_problem(self, path: str, problem: str) -> None:
        self.problems.append(Problem(path, problem))


def _distinct(values: Iterable[Any]) -> list[Any]:
    """The values sorted by canonical text, without duplicates; by text, because 1 == True in Python."""
    return [value for _, value in sorted({dumps(value): value for value in values}.items())]


def _is_shorthand_condition(condition: Any) -> bool:
    """Whether `minX` or `maxX` may have this condition; None was reported already."""
    if isinstance(condition, bool):
        return False
    return condition is None or isinstance(condition, int | float | dict)


def _operator_problem(raw: dict[str, Any]) -> str | None:
    if unknown := [name for name in raw if name not in RANGE_OPERATORS and name not in _SINGLE_OPERATORS]:
        return f'has the unknown operator "{shorten(unknown[0])}"; known are {_OPERATORS}'
    if not raw:
        return f"must have an operator; known are {_OPERATORS}"
    return "must have one operator; only gte, gt, lte and lt can be combined" if len(raw) > 1 else None
