"""An index of groups by filter, which finds the groups that an event reaches without testing every filter.

Each filter is indexed by the keys of one of its conditions (`filter_keys`); the rest of it is tested only for
events that have one of them. Equality is the most selective: a lookup by the event's value. Texts that a
value begins with, ends with or contains are looked up too, and at last the presence of an attribute. Among
the filters of one key, and among those without, ranges are sorted by their bounds, so that a bisection finds
all that hold. Only filters that ask for nothing but the absence of attributes are tested one by one.

The result equals that of testing every filter, in another order.
"""

from __future__ import annotations

from sys import getsizeof
from typing import Any, NamedTuple, TypeAlias

from broadcast.filter_buckets import Bucket, Entry, RangeKey
from broadcast.filter_keys import LISTED, PRESENCE, Key, Path, find, is_range, path_of
from realtime_core.filters.filters import Attributes, Condition, parse_conditions
from realtime_core.subscriptions.base import Group

Buckets: TypeAlias = dict[str, dict[Any, Bucket]]
"""The buckets of an attribute, by the kind and value of their keys."""


GROUP_BYTES = 1_800
"""What a group takes beside its filter, its place in the index included."""
FILTER_FACTOR = 2.2
"""What a filter takes by its text: the text itself, and its conditions once they are compiled. One character
beyond Latin makes a text two or four times as large."""
KEY_BYTES = 500
"""What each key takes that a group is indexed by."""
INDEXED_BYTES_MAX = 9_500
"""Keys that would take a group beyond this are not used: another condition is, or the filter is tested."""


class _Placement(NamedTuple):
    """Where a group is in the index."""

    entry: Entry
    path: Path | None
    """None for the bucket of filters that no key finds."""
    range_key: RangeKey | None
    bound: float


class FilterIndex:
    """The groups of one topic, indexed by their filters. Not safe to share between threads."""

    def __init__(self) -> None:
        self._placements: dict[str, _Placement] = {}
        self._by_name: dict[str, Buckets] = {}
        self._unindexed = Bucket()
        self._repeating = 0
        self.bytes = 0
        """About what the groups take, rather too much than too little."""

    def __len__(self) -> int:
        return len(self._placements)

    def add(self, group: Group) -> None:
        """Add a group, or replace the one with its id."""
        self.discard(group)

        conditions = parse_conditions(group.filter)
        keys_max = int(INDEXED_BYTES_MAX - bytes_of(group, 0)) // KEY_BYTES
        ranged = next((condition for condition in conditions if is_range(condition.condition)), None)
        path = self._most_selective(conditions, max(1, keys_max))
        if path is not None and path.rank == PRESENCE and (ranged is not None or keys_max < 1):
            path = None  # a bound tells more than presence, which is not worth memory

        range_key, bound = _first_bound(ranged) if ranged else (None, 0)
        exact = path.name if path is not None and path.exact else None
        placement = _Placement(
            Entry(group, conditions, exact, ranged and ranged.name), path, range_key, bound
        )
        self._placements[group.group_id] = placement
        self.bytes += bytes_of(group, _keys(path))
        self._repeating += path is not None and path.may_repeat
        for bucket in self._buckets_of(path):
            bucket.add(placement.entry, range_key, bound)

    def discard(self, group: Group) -> None:
        """Remove the group with this id, if there is one."""
        placement = self._placements.pop(group.group_id, None)
        if placement is None:
            return
        path = placement.path
        self.bytes -= bytes_of(placement.entry.group, _keys(path))
        self._repeating -= path is not None and path.may_repeat
        for bucket in self._buckets_of(path):
            bucket.discard(placement.entry, placement.range_key, placement.bound)
        if path is not None:
            self._remove_empty_buckets(path)

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

        may_repeat = self._repeating > 0
        for name, value in values.items():
            for kind, buckets in self._by_name.get(name, _NONE).items():
                for bucket in find(kind, buckets, value):
                    bucket.match(values, groups)
                # A filter with a list of values is in the bucket of each of them.
                may_repeat = may_repeat or (kind == LISTED and value.__class__ is list and len(value) > 1)
        return list({group.group_id: group for group in groups}.values()) if may_repeat else groups

    def _most_selective(self, conditions: list[Condition], keys_max: int) -> Path | None:
        """The best way to find a filter: of the best rank, the one whose keys have the fewest entries so far.

        None if there is no way with at most `keys_max` keys.
        """
        best: Path | None = None
        best_order = (PRESENCE + 1, 0)
        for condition in conditions:
            path = path_of(condition, keys_max, self._entries)
            if path is None:
                continue

            if path.rank > best_order[0]:
                continue
            order = (path.rank, sum(self._entries(path.name, key) for key in path.keys))
            if order < best_order:
                best, best_order = path, order
        return best

    def _entries(self, name: str, key: Key) -> int:
        """How many filters are found by a key of an attribute."""
        kind, value = key
        bucket = self._by_name.get(name, _NONE).get(kind, _NONE).get(value)
        return bucket.size if bucket else 0

    def _buckets_of(self, path: Path | None) -> list[Bucket]:
        if path is None:
            return [self._unindexed]
        by_kind = self._by_name.setdefault(path.name, {})
        return [by_kind.setdefault(kind, {}).setdefault(value, Bucket()) for kind, value in path.keys]

    def _remove_empty_buckets(self, path: Path) -> None:
        by_kind = self._by_name[path.name]
        for kind, value in path.keys:
            if not by_kind[kind][value].size:
                del by_kind[kind][value]
            if not by_kind[kind]:
                del by_kind[kind]
        if not by_kind:
            del self._by_name[path.name]


_NONE: dict[Any, Any] = {}
"""Stands for the buckets of an attribute that no filter is indexed by; never changed."""


def _keys(path: Path | None) -> int:
    return len(path.keys) if path else 0


def _first_bound(ranged: Condition) -> tuple[RangeKey, float]:
    """The key and value of a range's first bound, by which it is indexed."""
    operator, bound = next(iter(ranged.condition.items()))
    return (ranged.name, ranged.fallback, operator), bound


def bytes_of(group: Group, keys: int) -> int:
    """About what a group takes that is indexed by this many keys."""
    return int(GROUP_BYTES + FILTER_FACTOR * getsizeof(group.filter) + KEY_BYTES * keys)
