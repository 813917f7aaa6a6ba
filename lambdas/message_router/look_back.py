"""The newest events of a topic, filtered: a first picture for a page that opens."""

from __future__ import annotations

from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from message_router.replay import REPLY_BYTES_MAX, matcher, measure

if TYPE_CHECKING:
    from realtime_core.filters.filters import Filter
    from realtime_core.history.base import History

RECENT_MAX = 100
"""The most events that a client may ask for."""
LOOK_BACK_POSITIONS = 1_000
"""How far a look back goes, so that it is bounded for a rare topic too."""
LOOK_BACK_READS_MAX = 20
"""Where events are so large that a hundred positions take several reads, it goes less far."""


class Recent(NamedTuple):
    """The answer to a look back."""

    position: int
    """The client's next `since`."""
    events: list[dict[str, Any]]
    """Oldest first."""
    oversized: list[dict[str, Any]]
    """Events that do not fit a reply; each is sent as a separate frame."""


def look_back(history: History, count: int, topic: str, wanted: Filter, now: int) -> Recent:
    """Read up to `count` of the newest events of a topic that match and have not expired (epoch seconds).

    The subscription is in force already, so what is stored later arrives live. Of events that do not fit a
    reply together, the newest are returned.
    """
    bounds = history.bounds()
    first = max(bounds.floor, bounds.newest - LOOK_BACK_POSITIONS + 1)
    matches = matcher(topic, wanted, now)
    events: list[dict[str, Any]] = []
    oversized: list[dict[str, Any]] = []
    used = 0
    with closing(history.events_back(bounds.newest, first)) as pages:
        read = islice(pages, LOOK_BACK_READS_MAX)
        for stored in (stored for page in read for stored in page.events if matches(stored)):
            event, size = measure(stored)
            if size > REPLY_BYTES_MAX:
                oversized.append(event)
            elif used + size > REPLY_BYTES_MAX:
                break
            else:
                events.append(event)
                used += size
            if len(events) + len(oversized) == count:
                break
    return Recent(bounds.newest, events[::-1], oversized[::-1])
