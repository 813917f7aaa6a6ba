"""Finds the groups that an event matches, without testing every filter.

Each filter is filed under its most selective condition; its other conditions are tested only if that holds.
Equality is the most selective: the event's value looks it up. Filters of the same value, and filters without
an equality, are sorted by the bounds of their ranges, so a bisection finds all that hold. Only the rest are
tested each by itself.

The result is that of testing filter by filter (tests do so), in another order.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

from broadcast.filter_buckets import Bucket, Entry, RangeKey
from realtime_core.filters.filters import Attributes, Condition, conditions_of
from realtime_core.filters.match import RANGE_OPERATORS, compile_condition
from realtime_core.subscriptions.base import Group

Shelf: TypeAlias = dict[str, dict[Any, Bucket]]
"""Buckets by attribute and value."""


class _Place(NamedTuple):
    """Where a group is filed."""

    entry: Entry
    shelf: Shelf | None
    """None for the bucket of filters without an equality."""
    name: str
    values: tuple[Any, ...]
    range_key: RangeKey | None
    bound: float


class FilterIndex:
    """The groups of a topic, indexed by their filters' conditions. Not safe to share between threads."""

    def __init__(self) -> None:
        self._places: dict[str, _Place] = {}
        # A scalar is not equal to a list that holds it, a list of values is: hence two shelves.
        self._equal: Shelf = {}
        self._one_of: Shelf = {}
        self._others = Bucket()

    def __len__(self) -> int:
        return len(self._places)

    def add(self, group: Group) -> None:
        """Add a group, or replace the one with its id."""
        self.discard(group)

        conditions = conditions_of(group.filter)
        chosen = self._most_selective(conditions)
        shelf, name, values = chosen[1:] if chosen else (None, "", ())
        ranged = next((item for item in conditions if _is_range(item.condition)), None)
        range_key, bound, rest = _split(ranged) if ranged else (None, 0, [])
        rest += [item for item in conditions if item is not ranged and not (chosen and item is chosen[0])]
        entry = Entry(
            group, tuple((item.name, item.otherwise, compile_condition(item.condition)) for item in rest)
        )

        for bucket in self._open(shelf, name, values):
            bucket.add(entry, range_key, bound)
        self._places[group.group_id] = _Place(entry, shelf, name, values, range_key, bound)

    def discard(self, group: Group) -> None:
        """Remove a group by its id, if it is there."""
        place = self._places.pop(group.group_id, None)
        if place is None:
            return
        for bucket in self._open(place.shelf, place.name, place.values):
            bucket.discard(place.entry, place.range_key, place.bound)
        if place.shelf is not None:
            _close_empty(place.shelf, place.name, place.values)

    def groups(self) -> list[Group]:
        """Return every group, in the order in which they were added."""
        return [place.entry.group for place in self._places.values()]

    def get(self, group_id: str) -> Group | None:
        """Return the group with an id, if it is there."""
        place = self._places.get(group_id)
        return place.entry.group if place else None

    def match(self, event: Attributes) -> list[Group]:
        """Return the groups whose filter matches the event, each once, in no particular order."""
        values = event.values
        groups: list[Group] = []
        self._others.match(values, groups)
        repeats = False

        for name, value in values.items():
            if value.__class__ is list:
                buckets = self._one_of.get(name)
                if buckets:
                    for key in {_key(item) for item in value if _is_scalar(item)}:
                        if bucket := buckets.get(key):
                            bucket.match(values, groups)
                    repeats = repeats or len(value) > 1
            elif _is_scalar(value):
                key = _key(value)
                for shelf in (self._equal, self._one_of):
                    if (buckets := shelf.get(name)) and (bucket := buckets.get(key)):
                        bucket.match(values, groups)

        return list({group.group_id: group for group in groups}.values()) if repeats else groups

    def _most_selective(
        self, conditions: list[Condition]
    ) -> tuple[Condition, Shelf, str, tuple[Any, ...]] | None:
        """Return the equality whose buckets have the fewest filters, with its place, if there is one."""
        best = None
        fewest = -1
        for condition in conditions:
            expected = condition.condition
            if condition.otherwise is not None or expected.__class__ is dict:
                continue

            if expected.__class__ is list:
                shelf, values = self._one_of, tuple(map(_key, expected))
            else:
                shelf, values = self._equal, (_key(expected),)

            buckets = shelf.get(condition.name, {})
            size = sum(buckets[value].size for value in values if value in buckets)
            if fewest < 0 or size < fewest:
                best, fewest = (condition, shelf, condition.name, values), size
        return best

    def _open(self, shelf: Shelf | None, name: str, values: tuple[Any, ...]) -> list[Bucket]:
        if shelf is None:
            return [self._others]
        buckets = shelf.setdefault(name, {})
        return [buckets.setdefault(value, Bucket()) for value in values]


def _close_empty(shelf: Shelf, name: str, values: tuple[Any, ...]) -> None:
    buckets = shelf[name]
    for value in values:
        if not buckets[value].size:
            del buckets[value]
    if not buckets:
        del shelf[name]


def _is_scalar(value: Any) -> bool:
    return value.__class__ in _SCALARS


_SCALARS = frozenset({str, int, float, bool})


def _key(value: Any) -> Any:
    """Return a key that only equal values share: to Python 1 equals True, to a filter it does not."""
    return (value,) if value.__class__ is bool else value


def _is_range(condition: Any) -> bool:
    return condition.__class__ is dict and condition.keys() <= RANGE_OPERATORS.keys()


def _split(ranged: Condition) -> tuple[RangeKey, float, list[Condition]]:
    """Split a range into its first bound and a condition with the others."""
    (operator, bound), *others = ranged.condition.items()
    rest = [Condition(ranged.name, ranged.otherwise, dict(others))] if others else []
    return (ranged.name, ranged.otherwise, operator), bound, rest
