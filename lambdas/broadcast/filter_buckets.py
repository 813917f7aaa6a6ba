"""Buckets of filters that share a value of an attribute, with their ranges sorted by bound."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from typing import Any, Generic, TypeAlias, TypeVar

from realtime_core.filters.match import Test
from realtime_core.subscriptions.base import Group

T = TypeVar("T")
RangeKey: TypeAlias = tuple[str, str | None, str]
"""The attribute, the attribute to use if that is absent, and the operator (`gte`, `gt`, `lte`, `lt`)."""


class Entry:
    """A group, with the tests that remain once the condition that it is filed under holds."""

    __slots__ = ("group", "tests")

    def __init__(self, group: Group, tests: tuple[tuple[str, str | None, Test], ...]) -> None:
        self.group = group
        self.tests = tests

    def passes(self, values: Mapping[str, Any]) -> bool:
        """Whether the remaining tests hold."""
        for name, otherwise, test in self.tests:
            value = values.get(name)
            if value is None and otherwise is not None:
                value = values.get(otherwise)
            if not test(value):
                return False
        return True


class _Sorted(Generic[T]):
    """Items sorted by bound: those whose bound holds for a value are all at one end."""

    __slots__ = ("bounds", "items")

    def __init__(self) -> None:
        self.bounds: list[float] = []
        self.items: list[T] = []

    def add(self, bound: float, item: T) -> None:
        place = bisect_left(self.bounds, bound)
        self.bounds.insert(place, bound)
        self.items.insert(place, item)

    def discard(self, bound: float, item: T) -> None:
        place = self.items.index(item, bisect_left(self.bounds, bound))
        del self.bounds[place], self.items[place]

    def holding(self, operator: str, value: float) -> list[T]:
        if operator == "gte":
            return self.items[: bisect_right(self.bounds, value)]
        if operator == "gt":
            return self.items[: bisect_left(self.bounds, value)]
        if operator == "lte":
            return self.items[bisect_left(self.bounds, value) :]
        return self.items[bisect_right(self.bounds, value) :]


class _Range:
    """Entries under a range of an attribute: if it holds, some match, and others have further tests."""

    __slots__ = ("matching", "tested")

    def __init__(self) -> None:
        # Apart, so that a slice returns all entries that match at once.
        self.matching: _Sorted[Group] = _Sorted()
        self.tested: _Sorted[Entry] = _Sorted()

    def add(self, bound: float, entry: Entry) -> None:
        if entry.tests:
            self.tested.add(bound, entry)
        else:
            self.matching.add(bound, entry.group)

    def discard(self, bound: float, entry: Entry) -> None:
        if entry.tests:
            self.tested.discard(bound, entry)
        else:
            self.matching.discard(bound, entry.group)

    def __bool__(self) -> bool:
        return bool(self.matching.bounds or self.tested.bounds)


class Bucket:
    """Entries, by the range that they are filed under, if any."""

    __slots__ = ("_matching", "_ranges", "_tested", "size")

    def __init__(self) -> None:
        self.size = 0
        self._ranges: dict[RangeKey, _Range] = {}
        self._matching: dict[str, Group] = {}
        self._tested: dict[str, Entry] = {}

    def add(self, entry: Entry, key: RangeKey | None, bound: float) -> None:
        """File an entry that is not in the bucket yet; `bound` is ignored without a key."""
        self.size += 1
        if key is not None:
            if key not in self._ranges:
                self._ranges[key] = _Range()
            self._ranges[key].add(bound, entry)
        elif entry.tests:
            self._tested[entry.group.group_id] = entry
        else:
            self._matching[entry.group.group_id] = entry.group

    def discard(self, entry: Entry, key: RangeKey | None, bound: float) -> None:
        """Remove an entry that was added with the same key and bound."""
        self.size -= 1
        if key is not None:
            filed = self._ranges[key]
            filed.discard(bound, entry)
            if not filed:
                del self._ranges[key]
        elif entry.tests:
            del self._tested[entry.group.group_id]
        else:
            del self._matching[entry.group.group_id]

    def match(self, values: Mapping[str, Any], groups: list[Group]) -> None:
        """Append to `groups` those whose filters hold, given that the bucket's shared condition does."""
        if self._matching:
            groups += self._matching.values()
        if self._tested:
            groups += [entry.group for entry in self._tested.values() if entry.passes(values)]
        for (name, otherwise, operator), filed in self._ranges.items():
            value = values.get(name)
            if value is None and otherwise is not None:
                value = values.get(otherwise)
            # To Python a boolean is an int, to a filter it is not a number.
            if value.__class__ is int or value.__class__ is float:
                groups += filed.matching.holding(operator, value)
                if filed.tested.bounds:
                    candidates = filed.tested.holding(operator, value)
                    groups += [entry.group for entry in candidates if entry.passes(values)]
