"""An index of groups by filter, which finds the groups that an event reaches without testing every filter.

Each filter is indexed by its most selective condition; the rest of it is tested only if that condition holds.
Equality is the most selective: a lookup by the event's value. Among the filters of one value, and among those
without an equality, ranges are sorted by their bounds, so that a bisection finds all that hold. Only filters
with neither are tested one by one.

The result equals that of testing every filter, in another order.
"""

from __future__ import annotations

from sys import getsizeof
from typing import Any, NamedTuple, TypeAlias

from broadcast.filter_buckets import Bucket, Entry, RangeKey
from realtime_core.filters.filters import Attributes, Condition, parse_conditions
from realtime_core.filters.match import RANGE_OPERATORS
from realtime_core.subscriptions.base import Group

ValueIndex: TypeAlias = dict[str, dict[Any, Bucket]]
"""Buckets by attribute and value."""


GROUP_BYTES = 1_800
"""What a group takes beside its filter, its place in the index included."""
FILTER_FACTOR = 2.2
"""What a filter takes by its text: the text itself, and its conditions once they are compiled. One character
beyond Latin makes a text two or four times as large."""
VALUE_BYTES = 500
"""What each value takes that a group is indexed by."""
INDEXED_BYTES_MAX = 9_500
"""A list of values that would take a group beyond this is tested instead of indexed."""


class _Placement(NamedTuple):
    """Where a group is in the index."""

    entry: Entry
    value_index: ValueIndex | None
    """None for the bucket of filters without an equality."""
    name: str
    values: tuple[Any, ...]
    range_key: RangeKey | None
    bound: float


class FilterIndex:
    """The groups of one topic, indexed by their filters. Not safe to share between threads."""

    def __init__(self) -> None:
        self._placements: dict[str, _Placement] = {}
        # Two indexes: a scalar never equals a list that contains it, a list of values may match its elements.
        self._by_value: ValueIndex = {}
        self._by_listed_value: ValueIndex = {}
        self._unindexed = Bucket()
        self.bytes = 0
        """About what the groups take, rather too much than too little."""

    def __len__(self) -> int:
        return len(self._placements)

    def add(self, group: Group) -> None:
        """Add a group, or replace the one with its id."""
        self.discard(group)

        conditions = parse_conditions(group.filter)
        values_max = max(1, int(INDEXED_BYTES_MAX - bytes_of(group, 0)) // VALUE_BYTES)
        selected = self._most_selective(conditions, values_max)
        index, name, values = selected[1:] if selected else (None, "", ())

        ranged = next((condition for condition in conditions if _is_range(condition.condition)), None)
        range_key, bound = _first_bound(ranged) if ranged else (None, 0)
        entry = Entry(group, conditions, selected and selected[0].name, ranged and ranged.name)
        self.bytes += bytes_of(group, len(values))
        for bucket in self._buckets_of(index, name, values):
            bucket.add(entry, range_key, bound)
        self._placements[group.group_id] = _Placement(entry, index, name, values, range_key, bound)

    def discard(self, group: Group) -> None:
        """Remove the group with this id, if there is one."""
        placement = self._placements.pop(group.group_id, None)
        if placement is None:
            return
        self.bytes -= bytes_of(placement.entry.group, len(placement.values))
        for bucket in self._buckets_of(placement.value_index, placement.name, placement.values):
            bucket.discard(placement.entry, placement.range_key, placement.bound)
        if placement.value_index is not None:
            _remove_empty_buckets(placement.value_index, placement.name, placement.values)

    def groups(self) -> list[Group]:
        """All groups, in the order in which they were added."""
        return [placement.entry.group for placement in self._placements.values()]

    def get(self, group_id: str) -> Group | None:
        """The group with an id, or None."""
        placement = self._placements.get(group_id)
        return placement.entry.group if placement else None

    def match(self, event: Attributes) -> list[Group]:
        """The groups whose filter matches the event, each once, in no particular order."""
        values = event.values
        groups: list[Group] = []
        self._unindexed.match(values, groups)

        may_repeat = False
        for name, value in values.items():
            if value.__class__ is list:
                buckets = self._by_listed_value.get(name)
                if buckets:
                    for key in {_key(element) for element in value if _is_scalar(element)}:
                        if bucket := buckets.get(key):
                            bucket.match(values, groups)
                    # A filter with a list of values is in the bucket of each of them.
                    may_repeat = may_repeat or len(value) > 1
            elif _is_scalar(value):
                key = _key(value)
                for index in (self._by_value, self._by_listed_value):
                    if (buckets := index.get(name)) and (bucket := buckets.get(key)):
                        bucket.match(values, groups)
        return list({group.group_id: group for group in groups}.values()) if may_repeat else groups

    def _most_selective(
        self, conditions: list[Condition], values_max: int
    ) -> tuple[Condition, ValueIndex, str, tuple[Any, ...]] | None:
        """The equality whose buckets have the fewest entries so far, with its index, attribute and values.

        Only of those with at most `values_max` values.
        """
        best = None
        fewest = -1
        for condition in conditions:
            index, values = self._values_of(condition)
            if not 1 <= len(values) <= values_max:
                continue

            buckets = index.get(condition.name, {})
            size = sum(buckets[value].size for value in values if value in buckets)
            if fewest < 0 or size < fewest:
                best, fewest = (condition, index, condition.name, values), size
        return best

    def _values_of(self, condition: Condition) -> tuple[ValueIndex, tuple[Any, ...]]:
        """The values of which an event must have one for the condition to hold; none if it is no equality."""
        if condition.fallback is not None:
            return self._by_value, ()
        if condition.condition.__class__ is list:
            return self._by_listed_value, tuple(map(_key, condition.condition))
        if condition.condition.__class__ is not dict:
            return self._by_value, (_key(condition.condition),)

        # `anyOf` is indexed if each of its conditions is a scalar.
        options = condition.condition.get("anyOf", ())
        return self._by_value, tuple(map(_key, options)) if all(map(_is_scalar, options)) else ()

    def _buckets_of(self, index: ValueIndex | None, name: str, values: tuple[Any, ...]) -> list[Bucket]:
        if index is None:
            return [self._unindexed]
        buckets = index.setdefault(name, {})
        return [buckets.setdefault(value, Bucket()) for value in values]


def _remove_empty_buckets(index: ValueIndex, name: str, values: tuple[Any, ...]) -> None:
    buckets = index[name]
    for value in values:
        if not buckets[value].size:
            del buckets[value]
    if not buckets:
        del index[name]


def _is_scalar(value: Any) -> bool:
    return value.__class__ in _SCALARS


_SCALARS = frozenset({str, int, float, bool})


def _key(value: Any) -> Any:
    """The dictionary key of a value: 1 == True in Python, but not in a filter."""
    return (value,) if value.__class__ is bool else value


def _is_range(condition: Any) -> bool:
    return condition.__class__ is dict and condition.keys() <= RANGE_OPERATORS.keys()


def _first_bound(ranged: Condition) -> tuple[RangeKey, float]:
    """The key and value of a range's first bound, by which it is indexed."""
    operator, bound = next(iter(ranged.condition.items()))
    return (ranged.name, ranged.fallback, operator), bound


def bytes_of(group: Group, values: int) -> int:
    """About what a group takes that is indexed by this many values."""
    return int(GROUP_BYTES + FILTER_FACTOR * getsizeof(group.filter) + VALUE_BYTES * values)
