"""Finds the connections whose subscriptions match events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from realtime_core.errors import StoreUnavailable
from realtime_core.filters.filters import Attributes
from realtime_core.subscriptions.base import shards_for
from realtime_core.telemetry.logs import get_logger
from realtime_core.wire.topics import topics_reached

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from broadcast.group_index import GroupIndex
    from realtime_core.subscriptions.base import Group, Subscriptions
    from realtime_core.wire.events import Event

log = get_logger(__name__)


class Subscribers:
    """The subscribers of topics, found by distinct filter. `groups` reads the same `subscriptions`."""

    def __init__(self, subscriptions: Subscriptions, groups: GroupIndex) -> None:
        self._subscriptions = subscriptions
        self._groups = groups

    def due(self, events: Mapping[int, Event], now: int) -> dict[str, int]:
        """The connections that get events of topics, each once, with a number that says which.

        Bit n of the number (1 << n) stands for the event of the key n. Takes a query for each topic and each
        matching shard, however many of the events they match. Raises StoreUnavailable.
        """
        matched, bits_of = self._match(events, now)
        due: dict[str, int] = {}
        sizes: dict[str, int] = {}
        for group, members in self._subscriptions.members(list(matched.values()), now):
            sizes[group.group_id] = sizes.get(group.group_id, 0) + len(members)
            bits = bits_of[group.group_id]
            found = dict.fromkeys(members, bits)
            # Most members are of one group, and `update` takes a tenth of the time of the loop.
            if len(events) == 1 or due.keys().isdisjoint(found):
                due.update(found)
            else:
                for connection_id in found:
                    due[connection_id] = due.get(connection_id, 0) | bits

        log.debug("matched", events=len(events), groups=len(matched), connections=len(due))
        self._spread(matched.values(), sizes, now)
        return due

    def _match(self, events: Mapping[int, Event], now: int) -> tuple[dict[str, Group], dict[str, int]]:
        """The groups that events reach, and which of the events reach each."""
        numbers: dict[str, list[int]] = {}
        attributes = {}
        for number, event in events.items():
            assert event.topic is not None, "an event has a topic or recipients"  # noqa: S101
            attributes[number] = Attributes(event.filters, event.data)
            for topic in topics_reached(event.topic):
                numbers.setdefault(topic, []).append(number)

        by_topic = self._groups.matching(
            {topic: [attributes[number] for number in of_topic] for topic, of_topic in numbers.items()}, now
        )
        matched: dict[str, Group] = {}
        bits_of: dict[str, int] = {}
        for topic, of_events in by_topic.items():
            for number, groups in zip(numbers[topic], of_events, strict=True):
                for group in groups:
                    matched[group.group_id] = group
                    bits_of[group.group_id] = bits_of.get(group.group_id, 0) | 1 << number
        return matched, bits_of

    def _spread(self, groups: Iterable[Group], sizes: dict[str, int], now: int) -> None:
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
