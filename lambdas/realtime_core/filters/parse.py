"""From a filter as somebody wrote it to its normal form: checked, sorted, without repeats."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from realtime_core.errors import Problem
from realtime_core.filters.match import RANGE_OPERATORS, TEXT_OPERATORS
from realtime_core.wire.fields import refuse_if, shown
from realtime_core.wire.strict_json import INTEGER_MAX, INTEGER_MIN, byte_length, dumps

CONDITIONS_MAX = 20
DEPTH_MAX = 4
LIST_VALUES_MAX = 50
STRING_CHARS_MAX = 256
FILTER_BYTES_MAX = 4 * 1024

_SINGLE_OPERATORS = (*TEXT_OPERATORS, "not", "anyOf", "exists")
_OPERATORS = ", ".join((*RANGE_OPERATORS, *_SINGLE_OPERATORS))
_SHORTHAND = re.compile(r"(min|max)([A-Z])(.*)", re.DOTALL)
_FLOAT_WHOLE_MAX = 2.0**63


def normalised(raw: Any, path: str) -> dict[str, Any]:
    """The normal form of a filter. Raises ValidationFailed with every problem, by path."""
    reader = _Reader()
    value = reader.filter(raw, path)
    refuse_if(reader.problems)
    if (size := byte_length(dumps(value))) > FILTER_BYTES_MAX:
        refuse_if([Problem(path, f"takes {size} bytes; at most {FILTER_BYTES_MAX} are allowed per filter")])
    return value


def shorthand(name: str, condition: Any) -> tuple[str, str] | None:
    """The attribute and operator that `minX` and `maxX` with a number are short for, or None."""
    if isinstance(condition, bool) or not isinstance(condition, int | float):
        return None
    if not (found := _SHORTHAND.fullmatch(name)):
        return None
    bound, initial, rest = found.groups()
    return initial.lower() + rest, "gte" if bound == "min" else "lte"


class _Reader:
    """Reads one filter; notes problems instead of stopping at the first."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._conditions = 0

    def filter(self, raw: Any, path: str) -> dict[str, Any]:
        if not isinstance(raw, dict):
            self._note(path, "must be an object of attribute and condition")
            return {}
        if len(raw) > CONDITIONS_MAX:
            self._note(path, f"has {len(raw)} conditions; at most {CONDITIONS_MAX} are allowed per filter")
            return {}
        conditions = {
            self._string(name, path): self._condition(value, f"{path}.{shown(name)}", 1)
            for name, value in raw.items()
        }
        if "" in conditions:
            self._note(path, "has a condition on an attribute without a name")
        if self._conditions > CONDITIONS_MAX:
            allowed = f"at most {CONDITIONS_MAX} are allowed per filter"
            self._note(path, f"has {self._conditions} conditions, nested ones counted; {allowed}")
        return dict(sorted(conditions.items()))

    def _condition(self, raw: Any, path: str, depth: int) -> Any:
        self._conditions += 1
        if depth > DEPTH_MAX:
            self._note(path, f"is nested deeper than {DEPTH_MAX} conditions")
        elif isinstance(raw, list):
            return self._values(raw, path)
        elif isinstance(raw, dict):
            return self._operators(raw, path, depth)
        else:
            return self._scalar(raw, path)
        return None

    def _values(self, raw: list[Any], path: str) -> list[Any]:
        if not self._counted(raw, path):
            return []
        return _distinct(self._scalar(value, f"{path}[{index}]") for index, value in enumerate(raw))

    def _operators(self, raw: dict[str, Any], path: str, depth: int) -> Any:
        if raw and raw.keys() <= RANGE_OPERATORS.keys():
            return {name: self._number(raw[name], f"{path}.{name}") for name in sorted(raw)}
        if problem := _operator_problem(raw):
            self._note(path, problem)
            return None
        [(name, argument)] = raw.items()
        return {name: self._argument(name, argument, f"{path}.{name}", depth)}

    def _argument(self, name: str, raw: Any, path: str, depth: int) -> Any:
        if name == "not":
            return self._condition(raw, path, depth + 1)
        if name == "anyOf":
            return self._any_of(raw, path, depth)
        if name == "exists":
            if not isinstance(raw, bool):
                self._note(path, "must be true or false")
            return raw
        if not isinstance(raw, str):
            self._note(path, "must be a string")
            return raw
        return self._string(raw, path)

    def _any_of(self, raw: Any, path: str, depth: int) -> list[Any]:
        if not isinstance(raw, list):
            self._note(path, "must be a list of conditions")
            return []
        if not self._counted(raw, path):
            return []
        return _distinct(self._condition(one, f"{path}[{index}]", depth + 1) for index, one in enumerate(raw))

    def _counted(self, raw: list[Any], path: str) -> bool:
        if 1 <= len(raw) <= LIST_VALUES_MAX:
            return True
        self._note(path, f"has {len(raw)} values; 1 to {LIST_VALUES_MAX} are allowed per list")
        return False

    def _scalar(self, raw: Any, path: str) -> Any:
        if isinstance(raw, bool):
            return raw
        if isinstance(raw, str):
            return self._string(raw, path)
        if isinstance(raw, int | float):
            return self._number(raw, path)
        hint = '; use {"exists": false} for an absent attribute' if raw is None else ""
        self._note(path, f"must be a string, a number or a boolean{hint}")
        return None

    def _string(self, raw: str, path: str) -> str:
        if len(raw) > STRING_CHARS_MAX:
            self._note(path, f"has a string of {len(raw)} characters; at most {STRING_CHARS_MAX} are allowed")
        elif not raw.isascii() and any("\ud800" <= char <= "\udfff" for char in raw):
            self._note(path, "has a string that is not valid Unicode")
        return raw

    def _number(self, raw: Any, path: str) -> Any:
        if isinstance(raw, int) and not isinstance(raw, bool) and INTEGER_MIN <= raw <= INTEGER_MAX:
            return raw
        if isinstance(raw, float) and float("-inf") < raw < float("inf"):
            # Every number has one form: a float that a 64-bit integer can hold is written as one.
            return int(raw) if raw.is_integer() and -_FLOAT_WHOLE_MAX <= raw < _FLOAT_WHOLE_MAX else raw
        self._note(path, "must be a finite number, a whole one of at most 64 bits")
        return None

    def _note(self, path: str, problem: str) -> None:
        self.problems.append(Problem(path, problem))


def _distinct(values: Iterable[Any]) -> list[Any]:
    """Sorted by canonical text and without repeats; by text, because 1 and true are equal to Python."""
    return [value for _, value in sorted({dumps(value): value for value in values}.items())]


def _operator_problem(raw: dict[str, Any]) -> str | None:
    if unknown := [name for name in raw if name not in RANGE_OPERATORS and name not in _SINGLE_OPERATORS]:
        return f'has the unknown operator "{shown(unknown[0])}"; known are {_OPERATORS}'
    if not raw:
        return f"must have an operator; known are {_OPERATORS}"
    return "must have one operator; only gte, gt, lte and lt go together" if len(raw) > 1 else None
