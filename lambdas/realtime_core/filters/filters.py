"""Filters: which events a subscription wants. The wire protocol, "Topics and filters", is the contract.

A filter is parsed once (`filters.parse`), stored as canonical text, and compiled into predicates
(`filters.match`) when it is first matched. Filters with the same meaning have the same canonical text.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

from realtime_core.filters.match import compile_condition
from realtime_core.filters.parse import canonical_text, expand_shorthand, shorthand_attribute
from realtime_core.wire.strict_json import dumps, loads

COMPILED_FILTERS_MAX = 2_048
"""Filters cached in a process: at most 12 KB each, once compiled."""
CACHED_TEXT_CHARS_MAX = 512
"""The longest text of a filter whose parsing is cached: a few MB in all, whoever writes them."""

NamedPredicates: TypeAlias = tuple[Any, ...]
"""The attribute, its fallback or None, the test and its argument, of one condition after the other.

One flat tuple, and "" for the fallback of a long attribute, which is made when it is needed: filters are kept
by the ten thousand.
"""

_PARTS = 4
NAME_CHARS_SHORT = 40


class Attributes:
    """The attributes of an event that filters match against: its `filters`, then its `data`.

    Null counts as absent. An absent `discount` is taken from `discountPercentage`.
    """

    __slots__ = ("values",)

    def __init__(self, filters: Mapping[str, Any], data: Mapping[str, Any]) -> None:
        # Merged once per event, because thousands of filters read it.
        self.values = {name: value for name, value in data.items() if value is not None}
        self.values.update((name, value) for name, value in filters.items() if value is not None)
        if "discount" not in self.values and "discountPercentage" in self.values:
            self.values["discount"] = self.values["discountPercentage"]


class Condition(NamedTuple):
    """One normalised condition of a filter."""

    name: str
    """The attribute that the condition applies to."""
    fallback: str | None
    """The attribute to use instead if `name` is absent, or None."""
    condition: Any


class Filter:
    """A valid filter. Two filters are equal if they have the same meaning.

    `canonical` is its JSON: sorted, without duplicates, numbers in one form. Equal subscriptions are grouped
    by it.
    """

    __slots__ = ("_predicates", "canonical")

    def __init__(self, canonical: str) -> None:
        self.canonical = canonical
        self._predicates: NamedPredicates | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Filter) and self.canonical == other.canonical

    def __hash__(self) -> int:
        return hash(self.canonical)

    def __repr__(self) -> str:
        return f"Filter({self.canonical!r})"

    def matches(self, event: Attributes) -> bool:
        """Whether the event satisfies every condition."""
        if self._predicates is None:
            # Most filters are only stored: their frame's function never matches them.
            self._predicates = compile_conditions(parse_conditions(self.canonical))
        return first_failing(self._predicates, event.values) < 0

    def as_object(self) -> dict[str, Any]:
        """The filter as a JSON object for a reply."""
        value: dict[str, Any] = loads(self.canonical)
        return value


def parse_filter(raw: Any, field: str = "data.filters") -> Filter:
    """Parse a client's filter. Raises ValidationFailed with the path of each problem, under `field`."""
    try:
        text = dumps(raw)
        if len(text) <= CACHED_TEXT_CHARS_MAX:
            return load_filter(_canonical_of(text, field))
    except ValueError:
        pass  # JSON has no such value: what follows says where
    return load_filter(canonical_text(raw, field))


@lru_cache(maxsize=COMPILED_FILTERS_MAX)
def _canonical_of(text: str, field: str) -> str:
    """The canonical text of a filter's text: most clients ask for what others have asked for."""
    return canonical_text(loads(text), field)


@lru_cache(maxsize=COMPILED_FILTERS_MAX)
def load_filter(canonical: str) -> Filter:
    """The filter of a stored canonical text, which is not validated again."""
    return Filter(canonical)


def weight_of(canonical: str) -> int:
    """How much a filter counts where the filters of a topic are limited: its `contains`, at least one.

    Each may search the whole of a long text; every other condition costs about the same for any event.
    """
    # Exact: quotes inside a canonical text's strings are escaped.
    return max(1, canonical.count('{"contains":'))


def compile_conditions(conditions: Iterable[Condition]) -> NamedPredicates:
    """Compile conditions, in their order."""
    return tuple(
        part
        for item in conditions
        for part in (
            item.name,
            "" if item.fallback is not None and len(item.name) > NAME_CHARS_SHORT else item.fallback,
            *compile_condition(item.condition),
        )
    )


def first_failing(predicates: NamedPredicates, values: Mapping[str, Any]) -> int:
    """Where the first predicate begins that an event's attributes do not satisfy; -1 if all hold."""
    for at in range(0, len(predicates), _PARTS):
        value = values.get(predicates[at])
        if value is None and (fallback := predicates[at + 1]) is not None:
            value = values.get(fallback or shorthand_attribute(predicates[at]))
        if not predicates[at + 2](predicates[at + 3], value):
            return at
    return -1


def moved_to_front(predicates: NamedPredicates, at: int) -> NamedPredicates:
    """The predicates with the one first that begins at `at`, the others in their order."""
    return predicates[at : at + _PARTS] + predicates[:at] + predicates[at + _PARTS :]


def parse_conditions(canonical: str) -> list[Condition]:
    """The conditions of a stored canonical text, which is not validated again."""
    # The standard library's parser: an index reads thousands of texts, and strict_json accepted each before.
    return [_condition(name, condition) for name, condition in json.loads(canonical).items()]


def _condition(name: str, condition: Any) -> Condition:
    if short := expand_shorthand(name, condition):
        attribute, operator = short
        return Condition(name, attribute, {operator: condition})
    return Condition(name, None, condition)
