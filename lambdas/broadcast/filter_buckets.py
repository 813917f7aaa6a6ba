"""Buckets of the filter index: filters with the same value of an attribute, with ranges sorted by bound."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from typing import Any, Generic, TypeAlias, TypeVar

from realtime_core.filters.filters import (
    Condition,
    NamedPredicates,
    compile_conditions,
    first_failing,
    moved_to_front,
    parse_conditions,
)
from realtime_core.subscriptions.base import Group

T = TypeVar("T")
RangeKey: TypeAlias = tuple[str, str | None, str]
"""The attribute, its fallback or None, and the operator (`gte`, `gt`, `lte`, `lt`)."""


class Entry:
    """A group, and what of its filter is to be tested if the conditions that index it hold.

    `exact` is the attribute whose condition holds for all events that the index finds the entry for, and
    `ranged` that of the range whose first bound does; None without one. The rest is compiled when it is first
    tested, since most filters are far from every event.
    """

    __slots__ = ("_exact", "_predicates", "_ranged", "conditional", "group")

    def __init__(
        self, group: Group, conditions: list[Condition], exact: str | None, ranged: str | None
    ) -> None:
        self.group = group
        self._exact, self._ranged = exact, ranged
        self._predicates: NamedPredicates | None = None
        self.conditional = bool(rest_of(conditions, exact, ranged))

    def matches(self, values: Mapping[str, Any]) -> bool:
        """Whether the rest of the filter holds for the attributes of an event.

        The condition that refused the last event is tested first: a filter that is made to be tested to its
        end costs that once, and the next event one test.
        """
        if self._predicates is None:
            conditions = parse_conditions(self.group.filter)
            self._predicates = compile_conditions(rest_of(conditions, self._exact, self._ranged))
        failing = first_failing(self._predicates, values)
        if failing > 0:
            self._predicates = moved_to_front(self._predicates, failing)
        return failing < 0


def rest_of(conditions: list[Condition], exact: str | None, ranged: str | None) -> list[Condition]:
    """The conditions that remain to be tested: not that of `exact`, nor the first bound of `ranged`."""
    rest: list[Condition] = []
    for condition in conditions:
        if condition.name == ranged:
            bounds = list(condition.condition.items())[1:]
            if bounds:
                # First: a number is compared sooner than anything else.
                rest.insert(0, condition._replace(condition=dict(bounds)))
        elif condition.name != exact:
            rest.append(condition)
    return rest


class _SortedByBound(Generic[T]):
    """Items sorted by bound: those whose bound holds for a value are a slice from one end."""

    __slots__ = ("bounds", "items")

    def __init__(self) -> None:
        self.bounds: list[float] = []
        self.items: list[T] = []

    def add(self, bound: float, item: T) -> None:
        index = bisect_left(self.bounds, bound)
        self.bounds.insert(index, bound)
        self.items.insert(index, item)

    def discard(self, bound: float, item: T) -> None:
        index = self.items.index(item, bisect_left(self.bounds, bound))
        del self.bounds[index], self.items[index]

    def matching(self, operator: str, value: float) -> list[T]:
        if operator == "gte":
            return self.items[: bisect_right(self.bounds, value)]
        if operator == "gt":
            return self.items[: bisect_left(self.bounds, value)]
        if operator == "lte":
            return self.items[bisect_left(self.bounds, value) :]
        return self.items[bisect_right(self.bounds, value) :]


class _Range:
    """The entries with a range of the same attribute and operator."""

    __slots__ = ("conditional", "unconditional")

    def __init__(self) -> None:
        # Apart, because slicing alone finds the unconditional ones.
        self.unconditional: _SortedByBound[Group] = _SortedByBound()
        self.conditional: _SortedByBound[Entry] = _SortedByBound()

    def add(self, bound: float, entry: Entry) -> None:
        if entry.conditional:
            self.conditional.add(bound, entry)
        else:
            self.unconditional.add(bound, entry.group)

    def discard(self, bound: float, entry: Entry) -> None:
        if entry.conditional:
            self.conditional.discard(bound, entry)
        else:
            self.unconditional.discard(bound, entry.group)

    def __bool__(self) -> bool:
        return bool(self.unconditional.bounds or self.conditional.bounds)


_NONE: dict[Any, Any] = {}
"""Stands for a dictionary that nothing was put into yet; never changed."""


class Bucket:
    """Entries by their range, or without one.

    An unconditional entry matches if its bucket and its range do; the rest of a conditional one is tested.
    """

    __slots__ = ("_conditional", "_ranges", "_unconditional", "size")

    def __init__(self) -> None:
        self.size = 0
        # Made when they are needed: there may be a bucket for each value of a filter.
        self._ranges: dict[RangeKey, _Range] = _NONE
        self._unconditional: dict[str, Group] = _NONE
        self._conditional: dict[str, Entry] = _NONE

    def add(self, entry: Entry, key: RangeKey | None, bound: float) -> None:
        """Add an entry that is not in this bucket; `bound` is ignored without a key."""
        self.size += 1
        if key is not None:
            self._ranges = {} if self._ranges is _NONE else self._ranges
            if key not in self._ranges:
                self._ranges[key] = _Range()
            self._ranges[key].add(bound, entry)
        elif entry.conditional:
            self._conditional = {} if self._conditional is _NONE else self._conditional
            self._conditional[entry.group.group_id] = entry
        else:
            self._unconditional = {} if self._unconditional is _NONE else self._unconditional
            self._unconditional[entry.group.group_id] = entry.group

    def discard(self, entry: Entry, key: RangeKey | None, bound: float) -> None:
        """Remove an entry that was added with the same key and bound."""
        self.size -= 1
        if key is not None:
            entries = self._ranges[key]
            entries.discard(bound, entry)
            if not entries:
                del self._ranges[key]
        elif entry.conditional:
            del self._conditional[entry.group.group_id]
        else:
            del self._unconditional[entry.group.group_id]

    def match(self, values: Mapping[str, Any], groups: list[Group]) -> None:
        """Append to `groups` those that match an event which satisfies this bucket's own condition."""
        if self._unconditional:
            groups += self._unconditional.values()
        if self._conditional:
            groups += [entry.group for entry in self._conditional.values() if entry.matches(values)]

        for (name, fallback, operator), entries in self._ranges.items():
            value = values.get(name)
            if value is None and fallback is not None:
                value = values.get(fallback)
            # Not isinstance: a boolean is an int in Python, but not a number in a filter.
            if value.__class__ is int or value.__class__ is float:
                groups += entries.unconditional.matching(operator, value)
                if entries.conditional.bounds:
                    candidates = entries.conditional.matching(operator, value)
                    groups += [entry.group for entry in candidates if entry.matches(values)]
