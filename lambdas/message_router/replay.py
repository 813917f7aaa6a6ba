"""Replay of stored events after a client's `since`: in order, filtered, bounded, and without silent gaps."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from realtime_core.filters.filters import Attributes, Filter
from realtime_core.history.base import StoredEvent
from realtime_core.wire.frames import FRAME_BYTES_MAX, MESSAGE_BYTES_MAX
from realtime_core.wire.strict_json import byte_length, dumps
from realtime_core.wire.topics import ALL_DEALS

REPLY_BYTES = 6 * 1024
"""Room for the reply without its events: the filter alone may have 4 KB."""
PROGRESS_BYTES = 16 * 1024
"""Room reserved for events after `since`: else a client with many overtaken events would not progress."""
REPLY_BYTES_MAX = MESSAGE_BYTES_MAX - REPLY_BYTES
OVERTAKEN_BYTES_MAX = REPLY_BYTES_MAX - PROGRESS_BYTES
SCANNED_MAX = 2_000
"""The most events that one reply scans, so that a client of a rare topic does not wait."""


class Page:
    """The events of a reply, and how far it reaches."""

    __slots__ = ("complete", "events", "more", "oversized", "reached")

    def __init__(self, reached: int) -> None:
        self.events: list[dict[str, Any]] = []
        self.oversized: list[dict[str, Any]] = []
        """Events that do not fit a reply; each is sent as a separate frame."""
        self.reached = reached
        """The highest position that was scanned."""
        self.more = False
        """Whether there may be more events after `reached`."""
        self.complete = True
        """False if events that `since` overtook did not fit."""


def replay_start(since: int, overtaken_from: int | None) -> int:
    """The first position of a replay; `overtaken_from` is the `low` of the event at `since`, or None."""
    return since + 1 if overtaken_from is None else min(overtaken_from, since + 1)


def fill_page(stored_events: Iterable[StoredEvent], *, since: int, topic: str, wanted: Filter) -> Page:
    """Fill a reply with the events after `since`, in order, preceded by those that it may have overtaken."""
    result = Page(reached=since)
    room, used, progress = FRAME_BYTES_MAX - REPLY_BYTES, 0, False
    for scanned, stored in enumerate(stored_events):
        if scanned == SCANNED_MAX:
            result.more = True
            break

        if stored.position != since and _matches(stored, topic, wanted):
            event = live_frame(stored)
            size = byte_length(dumps(event)) + 1
            if stored.position < since:
                # Overtaken events may exceed a network frame, but leave room for progress.
                if used + size > OVERTAKEN_BYTES_MAX:
                    result.complete = False
                    continue
                room = max(room, used + size + PROGRESS_BYTES)
            elif used + size > room and progress:
                result.more = True
                break

            progress = progress or stored.position > since
            if used + size > REPLY_BYTES_MAX:
                result.oversized.append(event)
            else:
                result.events.append(event)
                used += size
        result.reached = max(result.reached, stored.position)
    return result


def live_frame(stored: StoredEvent) -> dict[str, Any]:
    """The event's frame, equal to the one that subscribers received live."""
    return {
        "type": stored.message_type,
        "data": stored.data,
        "topic": stored.topic,
        "eventId": stored.event_id,
        "position": stored.position,
        "timestamp": stored.at,
    }


def _matches(stored: StoredEvent, topic: str, wanted: Filter) -> bool:
    return topic in {stored.topic, ALL_DEALS} and wanted.matches(Attributes(stored.filters, stored.data))
