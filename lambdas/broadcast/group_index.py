"""The groups of topics in an index that stays with the process from event to event.

The registry of groups stays the truth, and whoever was told that a subscription is in force gets the next
event. A topic's groups are all read once, and again every ten minutes; for each event in between only the
announcements of new groups are read. A group that has ended meanwhile costs a read that finds nobody.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from broadcast.filter_index import FilterIndex

if TYPE_CHECKING:
    from collections.abc import Iterable

    from realtime_core.filters.filters import Attributes
    from realtime_core.subscriptions.base import Group, Subscriptions

REFRESH_SECONDS = 10 * 60
"""How long groups that have ended stay; far less than an announcement lasts."""
OVERLAP_SECONDS = 120
"""How late an announcement may be written after its time: clocks differ, and a function may take 29 s."""
GROUPS_KEPT = 100_000
"""Of all topics together, at about 1.5 KB each; what was used longest ago goes first."""


class _Topic:
    """The groups of one topic as far as they are known."""

    __slots__ = ("index", "looked_at", "read_at")

    def __init__(self, now: int) -> None:
        self.read_at = self.looked_at = now
        self.index = FilterIndex()

    def know(self, groups: Iterable[Group]) -> None:
        """Take these as they are, and nothing else."""
        listed = {group.group_id: group for group in groups}
        for gone in [group for group in self.index.groups() if group.group_id not in listed]:
            self.index.discard(gone)
        for group in listed.values():
            self._put(group)

    def learn(self, groups: Iterable[Group]) -> None:
        """Take these too. Of a group that is announced several times the most shards hold."""
        for group in groups:
            known = self.index.get(group.group_id)
            self._put(group._replace(shards=max(group.shards, known.shards)) if known else group)

    def _put(self, group: Group) -> None:
        if self.index.get(group.group_id) != group:
            self.index.add(group)


class GroupIndex:
    """Finds the groups that an event reaches. Not safe to share between threads."""

    def __init__(self, subscriptions: Subscriptions, groups_kept: int = GROUPS_KEPT) -> None:
        self._subscriptions = subscriptions
        self._kept = groups_kept
        self._topics: OrderedDict[str, _Topic] = OrderedDict()

    def matching(self, topic: str, event: Attributes, now: int) -> list[Group]:
        """The groups of exactly this topic whose filter matches, each once; one query, mostly empty."""
        known = self._topics.get(topic)
        if known is None or not 0 <= now - known.read_at < REFRESH_SECONDS:
            groups = self._subscriptions.groups(topic, now)
            known = known or _Topic(now)
            known.know(groups)
            known.read_at = now
        else:
            known.learn(self._subscriptions.announced(topic, known.looked_at - OVERLAP_SECONDS))
        known.looked_at = now
        self._topics[topic] = known
        self._topics.move_to_end(topic)
        self._evict()
        return known.index.match(event)

    def _evict(self) -> None:
        while len(self._topics) > 1 and self._size() > self._kept:
            self._topics.popitem(last=False)

    def _size(self) -> int:
        # A topic without groups takes room as well.
        return sum(len(topic.index) + 1 for topic in self._topics.values())
