"""Buckets of the filter index: filters with the same value of an attribute, with ranges sorted by bound."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from typing import Any, Generic, TypeAlias, TypeVar

from realtime_core.filters.match import Predicate
from realtime_core.subscriptions.base import Group

T = TypeVar("T")
RangeKey: TypeAlias = tuple[str, str | None, str]
"""The attribute, its fallback or None, and the operator (`gte`, `gt`, `lte`, `lt`)."""


class Entry:
    """A group, and the predicates to test if the condition that indexes it holds."""

    __slots__ = ("group", "predicates")

    def __init__(self, group: Group, predicates: tuple[tuple[str, str | None, Predicate], ...]) -> None:
        self.group = group
        self.predicates = predicates

    def matches(self, values: Mapping[str, Any]) -> bool:
        """Whether the rest of the filter holds for the attributes of an event."""
        for name, fallback, predicate in self.predicates:
            value = values.get(name)
            if value is None and fallback is not None:
                value = values.get(fallback)
            if not predicate(value):
                return False
        return True


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
        if entry.predicates:
            self.conditional.add(bound, entry)
        else:
            self.unconditional.add(bound, entry.group)

    def discard(self, bound: float, entry: Entry) -> None:
        if entry.predicates:
            self.conditional.discard(bound, entry)
        else:
            self.unconditional.discard(bound, entry.group)

    def __bool__(self) -> bool:
        return bool(self.unconditional.bounds or self.conditional.bounds)


class Bucket:
    """Entries by their range, or without one.

    An unconditional entry matches if its bucket and its range do; the rest of a conditional one is tested.
    """

    __slots__ = ("_conditional", "_ranges", "_unconditional", "size")

    def __init__(self) -> None:
        self.size = 0
        self._ranges: dict[RangeKey, _Range] = {}
        self._unconditional: dict[str, Group] = {}
        self._conditional: dict[str, Entry] = {}

    def add(self, entry: Entry, key: RangeKey | None, bound: float) -> None:
        """Add an entry that is not in this bucket; `bound` is ignored without a key."""
        self.size += 1
        if key is not None:
            if key not in self._ranges:
                self._ranges[key] = _Range()
            self._ranges[key].add(bound, entry)
        elif entry.predicates:
            self._conditional[entry.group.group_id] = entry
        else:
            self._unconditional[entry.group.group_id] = entry.group

    def discard(self, entry: Entry, key: RangeKey | None, bound: float) -> None:
        """Remove an entry that was added with the same key and bound."""
        self.size -= 1
        if key is not None:
            entries = self._ranges[key]
            entries.discard(bound, entry)
            if not entries:
                del self._ranges[key]
        elif entry.predicates:
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
