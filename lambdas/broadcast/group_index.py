"""A cache of the groups of topics, indexed by filter, that lives as long as the process.

The registry in DynamoDB is authoritative: a client whose subscription was confirmed gets the next event. All
groups of a topic are read once, and again every ten minutes; for each event in between, only the
announcements of new groups are read. A cached group that has expired costs a read that finds no members.

The cache is bounded by bytes. Where the groups of a single topic exceed that, they are read for each event.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from broadcast.filter_index import FilterIndex, bytes_of
from realtime_core.concurrency import map_concurrently
from realtime_core.filters.filters import Filter
from realtime_core.telemetry.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from realtime_core.filters.filters import Attributes
    from realtime_core.subscriptions.base import Group, Subscriptions

log = get_logger(__name__)

REFRESH_SECONDS = 10 * 60
"""How often all groups are read again: far more often than announcements expire."""
OVERLAP_SECONDS = 120
"""How late an announcement may be written after its time: clocks differ, and a function may run for 29 s."""
INDEX_BYTES_MAX = 256 * 1024 * 1024
"""What all cached groups may take; the least recently used topic is evicted."""
TOPIC_BYTES = 2_000
"""What a topic takes beside its groups."""


class _CachedTopic:
    """The cached groups of a topic, and when they were read."""

    __slots__ = ("checked_at", "index", "read_at")

    def __init__(self, now: int) -> None:
        self.read_at = self.checked_at = now
        self.index = FilterIndex()

    def replace(self, groups: Iterable[Group]) -> None:
        """Replace all groups."""
        listed = {group.group_id: group for group in groups}
        for expired in [group for group in self.index.groups() if group.group_id not in listed]:
            self.index.discard(expired)
        for group in listed.values():
            self._put(group)

    def update(self, groups: Iterable[Group]) -> None:
        """Add announced groups. If a group was announced several times, the most shards count."""
        for group in groups:
            known = self.index.get(group.group_id)
            self._put(group._replace(shards=max(group.shards, known.shards)) if known else group)

    def _put(self, group: Group) -> None:
        if self.index.get(group.group_id) != group:
            self.index.add(group)


class GroupIndex:
    """Finds the groups that an event reaches. Not safe to share between threads."""

    def __init__(self, subscriptions: Subscriptions, bytes_max: int = INDEX_BYTES_MAX) -> None:
        self._subscriptions = subscriptions
        self._bytes_max = bytes_max
        self._topics: OrderedDict[str, _CachedTopic] = OrderedDict()

    def matching(self, events: Mapping[str, Sequence[Attributes]], now: int) -> dict[str, list[list[Group]]]:
        """The groups whose filter matches, for each topic and each of its events, each group once.

        Takes a query for each topic, mostly of no items, all at once.
        """
        topics = list(events)
        read = map_concurrently(lambda topic: self._read(topic, now), topics)
        return {
            topic: self._match(topic, known, groups, events[topic], now)
            for topic, (known, groups) in zip(topics, read, strict=True)
        }

    def _read(self, topic: str, now: int) -> tuple[_CachedTopic | None, list[Group]]:
        """Read what is new of a cached topic, which is returned with it, or all of one that is not."""
        known = self._topics.get(topic)
        if known is None or not 0 <= now - known.read_at < REFRESH_SECONDS:
            return None, self._subscriptions.groups(topic, now)
        return known, self._subscriptions.announced(topic, known.checked_at - OVERLAP_SECONDS)

    def _match(
        self,
        topic: str,
        known: _CachedTopic | None,
        groups: list[Group],
        events: Sequence[Attributes],
        now: int,
    ) -> list[list[Group]]:
        """Bring a topic in the cache up to date, and match events of it."""
        if known is not None:
            known.update(groups)
        elif sum(bytes_of(group, 1) for group in groups) + TOPIC_BYTES > self._bytes_max:
            self._topics.pop(topic, None)
            return _matching_one_by_one(topic, groups, events)
        else:
            known = self._topics.get(topic) or _CachedTopic(now)
            known.replace(groups)
            known.read_at = now

        known.checked_at = now
        self._topics[topic] = known
        self._topics.move_to_end(topic)
        matched = [known.index.match(event) for event in events]
        # Last: a topic that outgrew the cache by its newest groups still answers for these events.
        self._evict()
        return matched

    def _evict(self) -> None:
        while self._topics and self._bytes() > self._bytes_max:
            topic, _ = self._topics.popitem(last=False)
            log.info("topic_evicted", topic=topic, topics=len(self._topics))

    def _bytes(self) -> int:
        # A topic without groups takes memory too.
        return sum(topic.index.bytes + TOPIC_BYTES for topic in self._topics.values())


def _matching_one_by_one(topic: str, groups: list[Group], events: Sequence[Attributes]) -> list[list[Group]]:
    """Match groups that the cache has no room for, and keep nothing of them."""
    log.warning(
        "topic_not_cached",
        topic=topic,
        groups=len(groups),
        remedy="raise filter_index_bytes_max (INDEX_BYTES_MAX)",
    )
    filters = [(group, Filter(group.filter)) for group in groups]
    return [[group for group, wanted in filters if wanted.matches(event)] for event in events]
