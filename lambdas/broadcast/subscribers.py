"""Finds the connections whose subscriptions match events."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from broadcast.audience import WINDOW, Audience
from realtime_core.errors import StoreUnavailable
from realtime_core.filters import searching
from realtime_core.filters.filters import Attributes
from realtime_core.subscriptions.base import shards_for
from realtime_core.telemetry.logs import get_logger
from realtime_core.wire.topics import topics_reached

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from broadcast.group_index import GroupIndex
    from realtime_core.subscriptions.base import Group, Subscriptions
    from realtime_core.wire.events import Event

log = get_logger(__name__)

LARGE_SHARDS = 250
"""An event that reaches more shards of groups with several is planned by itself, as its members are read:
such a shard has about a thousand. A group of one shard may have one member, and most have few."""
TOGETHER_MAX = 500_000
"""The most connections that are held in memory, about 75 MB. Beyond, each event is planned by itself. The
default of a setting."""


class Due(NamedTuple):
    """Who gets which events."""

    connections: dict[str, int]
    """A number for each connection: bit n of it (1 << n) stands for the event of the key n."""
    large: dict[int, dict[str, list[Group]]]
    """The events whose audiences are not read yet, and the groups that each reaches, by topic."""


class Subscribers:
    """The subscribers of topics, found by distinct filter. `groups` reads the same `subscriptions`.

    `together_max` is the most connections that are held in memory, and `window` about how many of a large
    audience are planned at a time.
    """

    def __init__(
        self,
        subscriptions: Subscriptions,
        groups: GroupIndex,
        together_max: int = TOGETHER_MAX,
        window: int = WINDOW,
    ) -> None:
        self._subscriptions = subscriptions
        self._groups = groups
        self._together_max = together_max
        self._window = min(window, together_max)

    def due(self, events: Mapping[int, Event], now: int, begun: Collection[int] = ()) -> Due:
        """The connections that get events of topics, each once, unless their audience is large.

        So is that of the events that are `begun`: an earlier attempt has planned a part of it. Takes a query
        for each topic and each matching shard, however many of the events they match. Raises
        StoreUnavailable.
        """
        reached = self._match(events, now)
        large = {
            number
            for number, groups in reached.items()
            if number in begun or _large_shards(groups) > LARGE_SHARDS
        }
        due = self._read({number: groups for number, groups in reached.items() if number not in large}, now)
        if due is None:
            return Due({}, reached)
        return Due(due, {number: reached[number] for number in sorted(large)})

    def audience(
        self,
        groups: Mapping[str, Sequence[Group]],
        *,
        began_ms: int,
        now: int,
        clock: Callable[[], float],
    ) -> Audience:
        """The members of an event's groups as a stream; see `Audience`."""
        return Audience(
            self._subscriptions, groups, began_ms=began_ms, now=now, clock=clock, window=self._window
        )

    def spread(self, groups: Iterable[Group], sizes: Mapping[str, int], now: int) -> None:
        """Give groups that have grown more shards. If that fails, the next event tries again."""
        for group in groups:
            wanted = shards_for(sizes.get(group.group_id, 0), group.shards)
            if wanted > group.shards:
                try:
                    self._subscriptions.add_shards(group, wanted, now)
                except StoreUnavailable:
                    log.exception("group_not_spread", groupId=group.group_id, shards=wanted)
                else:
                    log.info("group_spread", groupId=group.group_id, shards=wanted)

    def _read(
        self, reached: Mapping[int, Mapping[str, Collection[Group]]], now: int
    ) -> dict[str, int] | None:
        """The connections of groups, and which events each is due; None if they are too many."""
        matched: dict[str, Group] = {}
        bits_of: dict[str, int] = {}
        for number, groups in reached.items():
            for group in _all(groups):
                matched[group.group_id] = group
                bits_of[group.group_id] = bits_of.get(group.group_id, 0) | 1 << number

        due: dict[str, int] = {}
        sizes: dict[str, int] = {}
        for group, members in self._subscriptions.members(list(matched.values()), now):
            sizes[group.group_id] = sizes.get(group.group_id, 0) + len(members)
            bits = bits_of[group.group_id]
            found = dict.fromkeys(members, bits)
            # Most members are of one group, and `update` takes a tenth of the time of the loop.
            if len(reached) == 1 or due.keys().isdisjoint(found):
                due.update(found)
            else:
                for connection_id in found:
                    due[connection_id] = due.get(connection_id, 0) | bits
            if len(due) > self._together_max:
                return None

        log.debug("matched", events=len(reached), groups=len(matched), connections=len(due))
        self.spread(matched.values(), sizes, now)
        return due

    def _match(self, events: Mapping[int, Event], now: int) -> dict[int, dict[str, list[Group]]]:
        """The groups that each event reaches, by topic."""
        numbers: dict[str, list[int]] = {}
        attributes = {}
        for number, event in events.items():
            assert event.topic is not None, "an event has a topic or recipients"  # noqa: S101
            attributes[number] = Attributes(event.filters, event.data)
            for topic in topics_reached(event.topic):
                numbers.setdefault(topic, []).append(number)

        of_topics = {
            topic: [attributes[number] for number in of_topic] for topic, of_topic in numbers.items()
        }
        try:
            by_topic = self._groups.matching(of_topics, now)
        finally:
            searching.forget()
        matched = {
            topic: dict(zip(numbers[topic], of_events, strict=True)) for topic, of_events in by_topic.items()
        }
        return {
            number: {topic: matched[topic][number] for topic in topics_reached(event.topic or "")}
            for number, event in events.items()
        }


def _large_shards(groups: Mapping[str, Collection[Group]]) -> int:
    return sum(group.shards for group in _all(groups) if group.shards > 1)


def _all(groups: Mapping[str, Collection[Group]]) -> list[Group]:
    return [group for of_topic in groups.values() for group in of_topic]
