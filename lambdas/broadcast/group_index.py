"""A cache of the groups of topics, indexed by filter, that lives as long as the process.

The registry in DynamoDB is authoritative: a client whose subscription was confirmed gets the next event. All
groups of a topic are read once, and again every ten minutes; for each event in between, only the
announcements of new groups are read. A cached group that has expired costs a read that finds no members.

The cache is bounded by bytes. Where the groups of a single topic exceed that, they are read for each event,
and tested page by page.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from broadcast.filter_index import FilterIndex, bytes_of
from realtime_core.concurrency import map_concurrently
from realtime_core.filters.filters import Filter
from realtime_core.telemetry.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

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
TOO_LARGE_MAX = 1_000
"""Topics that are known to have no room: their next event does not try again."""


class _CachedTopic:
    """The cached groups of a topic, and when they were read."""

    __slots__ = ("checked_at", "index", "read_at")

    def __init__(self, now: int) -> None:
        self.read_at = self.checked_at = now
        self.index = FilterIndex()

    def put(self, group: Group) -> None:
        """Add or replace a group. If it comes several times, the most shards count."""
        known = self.index.get(group.group_id)
        if known is not None and known.shards > group.shards:
            group = group._replace(shards=known.shards)
        if known != group:
            self.index.add(group)

    def keep_only(self, group_ids: Container[str]) -> None:
        """Remove all other groups."""
        for group in self.index.groups():
            if group.group_id not in group_ids:
                self.index.discard(group)


class GroupIndex:
    """Finds the groups that an event reaches. Not safe to share between threads."""

    def __init__(self, subscriptions: Subscriptions, bytes_max: int = INDEX_BYTES_MAX) -> None:
        self._subscriptions = subscriptions
        self._bytes_max = bytes_max
        self._topics: OrderedDict[str, _CachedTopic] = OrderedDict()
        self._too_large: OrderedDict[str, None] = OrderedDict()

    def matching(self, events: Mapping[str, Sequence[Attributes]], now: int) -> dict[str, list[list[Group]]]:
        """The groups whose filter matches, for each topic and each of its events, each group once.

        Takes a query for each topic that is kept, mostly of no items, all at once; more for the others.
        """
        kept = [topic for topic in events if self._is_fresh(topic, now)]
        announced = dict(zip(kept, map_concurrently(self._announced, kept), strict=True))
        return {
            topic: self._match(topic, announced.get(topic), of_topic, now)
            for topic, of_topic in events.items()
        }

    def _is_fresh(self, topic: str, now: int) -> bool:
        known = self._topics.get(topic)
        return known is not None and 0 <= now - known.read_at < REFRESH_SECONDS

    def _announced(self, topic: str) -> list[Group]:
        known = self._topics[topic]
        return self._subscriptions.announced(topic, known.checked_at - OVERLAP_SECONDS, known.index.get)

    def _match(
        self, topic: str, announced: list[Group] | None, events: Sequence[Attributes], now: int
    ) -> list[list[Group]]:
        """Match events of a topic that is kept and brought up to date, else read and, if there is room, kept.

        A topic that is kept may have made room for another one since it was asked for.
        """
        known = self._topics.get(topic)
        if known is not None and announced is not None:
            for group in announced:
                known.put(group)
        else:
            groups = iter(self._subscriptions.groups(topic, now))
            if topic in self._too_large:
                return self._match_unkept(topic, groups, events, [[] for _ in events])
            known = self._topics.pop(topic, None) or _CachedTopic(now)
            if not self._read(known, groups):
                matched = [known.index.match(event) for event in events]
                del known  # the rest is tested as it is read, page by page
                return self._match_unkept(topic, groups, events, matched)
            known.read_at = now

        known.checked_at = now
        self._topics[topic] = known
        self._topics.move_to_end(topic)
        matched = [known.index.match(event) for event in events]
        # Last: a topic that outgrew the cache by its newest groups still answers for these events.
        while self._topics and self._bytes() > self._bytes_max:
            self._evict()
        return matched

    def _read(self, topic: _CachedTopic, groups: Iterator[Group]) -> bool:
        """Read all groups of a topic; False, in the midst of them, if there is no room even for it alone."""
        listed: set[str] = set()
        room = self._bytes_max - self._bytes() - TOPIC_BYTES
        for group in groups:
            topic.put(group)
            listed.add(group.group_id)
            while topic.index.bytes > room:
                if not self._topics:
                    return False
                self._evict()
                room = self._bytes_max - self._bytes() - TOPIC_BYTES
        topic.keep_only(listed)
        return True

    def _match_unkept(
        self,
        topic: str,
        groups: Iterable[Group],
        events: Sequence[Attributes],
        matched: Sequence[Iterable[Group]],
    ) -> list[list[Group]]:
        """Match groups that there is no room for as they are read; `matched` are of those read before."""
        found = [{group.group_id: group for group in of_event} for of_event in matched]
        taken = TOPIC_BYTES if topic in self._too_large else self._bytes_max
        for group in groups:
            taken += bytes_of(group, 1)
            wanted = Filter(group.filter)
            for event, of_event in zip(events, found, strict=True):
                if wanted.matches(event):
                    known = of_event.get(group.group_id, group)
                    of_event[group.group_id] = group._replace(shards=max(group.shards, known.shards))

        log.warning("topic_not_cached", topic=topic, remedy="raise filter_index_bytes_max (INDEX_BYTES_MAX)")
        self._too_large.pop(topic, None)
        if taken > self._bytes_max:
            self._too_large[topic] = None
        if len(self._too_large) > TOO_LARGE_MAX:
            self._too_large.popitem(last=False)
        return [list(of_event.values()) for of_event in found]

    def _evict(self) -> None:
        topic, _ = self._topics.popitem(last=False)
        log.info("topic_evicted", topic=topic, topics=len(self._topics))

    def _bytes(self) -> int:
        # A topic without groups takes memory too.
        return sum(topic.index.bytes + TOPIC_BYTES for topic in self._topics.values())
