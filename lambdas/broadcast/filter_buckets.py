"""The filters that share one value of one attribute, ranges in the order of their bounds."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from typing import Any, Generic, TypeAlias, TypeVar

from realtime_core.filters.match import Test
from realtime_core.subscriptions.base import Group

T = TypeVar("T")
RangeKey: TypeAlias = tuple[str, str | None, str]
"""The attribute, the one to look at where that is absent, and the operator (`gte`, `gt`, `lte`, `lt`)."""


class Entry:
    """A group, and what is left to test where the condition that it is filed under holds."""

    __slots__ = ("group", "tests")

    def __init__(self, group: Group, tests: tuple[tuple[str, str | None, Test], ...]) -> None:
        self.group = group
        self.tests = tests

    def passes(self, values: Mapping[str, Any]) -> bool:
        """Whether the rest of the filter holds."""
        for name, otherwise, test in self.tests:
            value = values.get(name)
            if value is None and otherwise is not None:
                value = values.get(otherwise)
            if not test(value):
                return False
        return True


class _Sorted(Generic[T]):
    """Things by their bound, in order: those whose bound holds for a value are all at one end."""

    __slots__ = ("bounds", "things")

    def __init__(self) -> None:
        self.bounds: list[float] = []
        self.things: list[T] = []

    def add(self, bound: float, thing: T) -> None:
        place = bisect_left(self.bounds, bound)
        self.bounds.insert(place, bound)
        self.things.insert(place, thing)

    def discard(self, bound: float, thing: T) -> None:
        place = self.things.index(thing, bisect_left(self.bounds, bound))
        del self.bounds[place], self.things[place]

    def holding(self, operator: str, value: float) -> list[T]:
        if operator == "gte":
            return self.things[: bisect_right(self.bounds, value)]
        if operator == "gt":
            return self.things[: bisect_left(self.bounds, value)]
        if operator == "lte":
            return self.things[bisect_left(self.bounds, value) :]
        return self.things[bisect_right(self.bounds, value) :]


class _Range:
    """Entries under one range of one attribute: some match where it holds, the others are tested then."""

    __slots__ = ("sure", "tested")

    def __init__(self) -> None:
        # Apart, so that the sure ones are found by slicing.
        self.sure: _Sorted[Group] = _Sorted()
        self.tested: _Sorted[Entry] = _Sorted()

    def add(self, bound: float, entry: Entry) -> None:
        if entry.tests:
            self.tested.add(bound, entry)
        else:
            self.sure.add(bound, entry.group)

    def discard(self, bound: float, entry: Entry) -> None:
        if entry.tests:
            self.tested.discard(bound, entry)
        else:
            self.sure.discard(bound, entry.group)

    def __bool__(self) -> bool:
        return bool(self.sure.bounds or self.tested.bounds)


class Bucket:
    """Entries, by the range that they are filed under or by none."""

    __slots__ = ("_ranges", "_sure", "_tested", "size")

    def __init__(self) -> None:
        self.size = 0
        self._ranges: dict[RangeKey, _Range] = {}
        self._sure: dict[str, Group] = {}
        self._tested: dict[str, Entry] = {}

    def add(self, entry: Entry, key: RangeKey | None, bound: float) -> None:
        """File an entry that is not here yet; `bound` says nothing without a key."""
        self.size += 1
        if key is not None:
            if key not in self._ranges:
                self._ranges[key] = _Range()
            self._ranges[key].add(bound, entry)
        elif entry.tests:
            self._tested[entry.group.group_id] = entry
        else:
            self._sure[entry.group.group_id] = entry.group

    def discard(self, entry: Entry, key: RangeKey | None, bound: float) -> None:
        """Take out an entry that was filed here by the same key and bound."""
        self.size -= 1
        if key is not None:
            filed = self._ranges[key]
            filed.discard(bound, entry)
            if not filed:
                del self._ranges[key]
        elif entry.tests:
            del self._tested[entry.group.group_id]
        else:
            del self._sure[entry.group.group_id]

    def match(self, values: Mapping[str, Any], found: list[Group]) -> None:
        """Add to `found` the groups whose filters hold, given that what all of this bucket share does."""
        if self._sure:
            found += self._sure.values()
        if self._tested:
            found += [entry.group for entry in self._tested.values() if entry.passes(values)]
        for (name, otherwise, operator), filed in self._ranges.items():
            value = values.get(name)
            if value is None and otherwise is not None:
                value = values.get(otherwise)
            # A boolean is an int to Python, and no number to a filter.
            if value.__class__ is int or value.__class__ is float:
                found += filed.sure.holding(operator, value)
                if filed.tested.bounds:
                    held = filed.tested.holding(operator, value)
                    found += [entry.group for entry in held if entry.passes(values)]
