"""An index of the topics' groups that the process keeps from event to event.

The table remains authoritative: a connection whose subscription was confirmed receives the next event. All
groups of a topic are read at first and every ten minutes; for each event in between, only the announcements
of new groups are. A group that has ended meanwhile costs a read that returns no members.
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
"""How long ended groups may stay in the index; much shorter than the lifetime of an announcement."""
OVERLAP_SECONDS = 120
"""How much later than its time an announcement may be written: clocks differ, a function takes up to 29 s."""
GROUPS_KEPT = 100_000
"""Of all topics, at about 1.5 KB each; above that the least recently used topic is evicted."""


class _Topic:
    """The known groups of a topic."""

    __slots__ = ("index", "looked_at", "read_at")

    def __init__(self, now: int) -> None:
        self.read_at = self.looked_at = now
        self.index = FilterIndex()

    def replace(self, groups: Iterable[Group]) -> None:
        """Replace the groups by these."""
        listed = {group.group_id: group for group in groups}
        for ended in [group for group in self.index.groups() if group.group_id not in listed]:
            self.index.discard(ended)
        for group in listed.values():
            self._put(group)

    def add(self, groups: Iterable[Group]) -> None:
        """Add groups. If a group is announced several times, its largest number of shards counts."""
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
        """Return the groups of exactly this topic that match, each once (one query, mostly empty)."""
        known = self._topics.get(topic)
        if known is None or not 0 <= now - known.read_at < REFRESH_SECONDS:
            groups = self._subscriptions.groups(topic, now)
            known = known or _Topic(now)
            known.replace(groups)
            known.read_at = now
        else:
            known.add(self._subscriptions.announced(topic, known.looked_at - OVERLAP_SECONDS))

        known.looked_at = now
        self._topics[topic] = known
        self._topics.move_to_end(topic)
        self._evict()
        return known.index.match(event)

    def _evict(self) -> None:
        while len(self._topics) > 1 and self._size() > self._kept:
            self._topics.popitem(last=False)

    def _size(self) -> int:
        # A topic without groups takes memory too.
        return sum(len(topic.index) + 1 for topic in self._topics.values())
