"""An index of groups by filter, which finds the groups that an event reaches without testing every filter.

Each filter is indexed by its most selective condition; the rest of it is tested only if that condition holds.
Equality is the most selective: a lookup by the event's value. Among the filters of one value, and among those
without an equality, ranges are sorted by their bounds, so that a bisection finds all that hold. Only filters
with neither are tested one by one.

The result equals that of testing every filter, in another order.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

from broadcast.filter_buckets import Bucket, Entry, RangeKey
from realtime_core.filters.filters import Attributes, Condition, parse_conditions
from realtime_core.filters.match import RANGE_OPERATORS, compile_condition
from realtime_core.subscriptions.base import Group

ValueIndex: TypeAlias = dict[str, dict[Any, Bucket]]
"""Buckets by attribute and value."""


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

    def __len__(self) -> int:
        return len(self._placements)

    def add(self, group: Group) -> None:
        """Add a group, or replace the one with its id."""
        self.discard(group)

        conditions = parse_conditions(group.filter)
        selected = self._most_selective(conditions)
        index, name, values = selected[1:] if selected else (None, "", ())

        ranged = next((condition for condition in conditions if _is_range(condition.condition)), None)
        range_key, bound, rest = _split_range(ranged) if ranged else (None, 0, [])
        rest += [
            condition
            for condition in conditions
            if condition is not ranged and not (selected and condition is selected[0])
        ]

        entry = Entry(
            group, tuple((item.name, item.fallback, compile_condition(item.condition)) for item in rest)
        )
        for bucket in self._buckets_of(index, name, values):
            bucket.add(entry, range_key, bound)
        self._placements[group.group_id] = _Placement(entry, index, name, values, range_key, bound)

    def discard(self, group: Group) -> None:
        """Remove the group with this id, if there is one."""
        placement = self._placements.pop(group.group_id, None)
        if placement is None:
            return
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
        self, conditions: list[Condition]
    ) -> tuple[Condition, ValueIndex, str, tuple[Any, ...]] | None:
        """The equality whose buckets have the fewest entries so far, with its index, attribute and values."""
        best = None
        fewest = -1
        for condition in conditions:
            if condition.fallback is not None or condition.condition.__class__ is dict:
                continue
            if condition.condition.__class__ is list:
                index, values = self._by_listed_value, tuple(map(_key, condition.condition))
            else:
                index, values = self._by_value, (_key(condition.condition),)

            buckets = index.get(condition.name, {})
            size = sum(buckets[value].size for value in values if value in buckets)
            if fewest < 0 or size < fewest:
                best, fewest = (condition, index, condition.name, values), size
        return best

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


def _split_range(ranged: Condition) -> tuple[RangeKey, float, list[Condition]]:
    """Split a range into the key and value of its first bound, and a condition with its other bounds."""
    (operator, bound), *others = ranged.condition.items()
    rest = [Condition(ranged.name, ranged.fallback, dict(others))] if others else []
    return (ranged.name, ranged.fallback, operator), bound, rest
