"""Filters: which events a subscription wants. The contract is in the wire protocol, "Topics and filters".

A filter is read once (`filter_parse`), kept as its canonical text, and compiled once per process into tests
of values (`filter_match`). Filters that mean the same have the same canonical text, and are one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from realtime_core.filters.match import Test, compile_condition
from realtime_core.filters.parse import normalised, shorthand
from realtime_core.wire.strict_json import dumps, loads

# Compiled filters kept in a process; about 2 KB each.
FILTERS_KEPT = 16_384


class Attributes:
    """What a filter can see of an event: its `filters`, and where they say nothing its `data`.

    Null counts as absent. `discount` also finds `discountPercentage`.
    """

    __slots__ = ("values",)

    def __init__(self, filters: Mapping[str, Any], data: Mapping[str, Any]) -> None:
        # Merged once per event, because thousands of filters look into it.
        self.values = {name: value for name, value in data.items() if value is not None}
        self.values.update((name, value) for name, value in filters.items() if value is not None)
        if "discount" not in self.values and "discountPercentage" in self.values:
            self.values["discount"] = self.values["discountPercentage"]


class Condition(NamedTuple):
    """One condition of a filter, in its normalised form."""

    name: str
    """The attribute it is about."""
    otherwise: str | None
    """The attribute to look at where that is absent, or None."""
    condition: Any


class Filter:
    """A filter that is known to be sound. Two are equal when they mean the same.

    `canonical` is its JSON: sorted, without repeats, numbers in one form. Equal subscriptions are grouped by
    it. `tests` has for each condition the attribute, the one to look at where that is absent, and the test.
    """

    __slots__ = ("_tests", "canonical")

    def __init__(self, canonical: str, tests: tuple[tuple[str, str | None, Test], ...]) -> None:
        self.canonical = canonical
        self._tests = tests

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Filter) and self.canonical == other.canonical

    def __hash__(self) -> int:
        return hash(self.canonical)

    def __repr__(self) -> str:
        return f"Filter({self.canonical!r})"

    def matches(self, event: Attributes) -> bool:
        """Whether every condition holds."""
        values = event.values
        for name, otherwise, test in self._tests:
            value = values.get(name)
            if value is None and otherwise is not None:
                value = values.get(otherwise)
            if not test(value):
                return False
        return True

    def as_object(self) -> dict[str, Any]:
        """The filter as the JSON object of a reply."""
        value: dict[str, Any] = loads(self.canonical)
        return value


def parse_filter(raw: Any, field: str = "data.filters") -> Filter:
    """Read a filter from outside. Raises ValidationFailed with each path (`data.filters.price.gte`)."""
    return load_filter(dumps(normalised(raw, field)))


@lru_cache(maxsize=FILTERS_KEPT)
def load_filter(canonical: str) -> Filter:
    """The filter of a stored canonical text, which is trusted to be one."""
    return Filter(
        canonical,
        tuple(
            (one.name, one.otherwise, compile_condition(one.condition)) for one in conditions_of(canonical)
        ),
    )


def conditions_of(canonical: str) -> list[Condition]:
    """The conditions of a stored canonical text, which is trusted to be one."""
    # Not this service's own, stricter reader: an index reads thousands of texts that went through it before.
    return [_condition(name, condition) for name, condition in json.loads(canonical).items()]


def _condition(name: str, condition: Any) -> Condition:
    if short := shorthand(name, condition):
        attribute, operator = short
        return Condition(name, attribute, {operator: condition})
    return Condition(name, None, condition)
