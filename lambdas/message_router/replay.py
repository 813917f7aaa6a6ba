"""Selects the stored events that answer a `since`: filtered, in order, and without a silent gap."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from realtime_core.filters.filters import Attributes, Filter
from realtime_core.history.base import StoredEvent
from realtime_core.wire.frames import FRAME_BYTES_MAX, MESSAGE_BYTES_MAX
from realtime_core.wire.strict_json import byte_length, dumps
from realtime_core.wire.topics import ALL_DEALS

REPLY_BYTES = 6 * 1024
"""Kept for the rest of the reply: its filter alone may take 4 KB."""
PROGRESS_BYTES = 16 * 1024
"""Kept for events after `since`: if overtaken ones took all the room, no page would get further."""
REPLY_BYTES_MAX = MESSAGE_BYTES_MAX - REPLY_BYTES
OVERTAKEN_BYTES_MAX = REPLY_BYTES_MAX - PROGRESS_BYTES
SCANNED_MAX = 2_000
"""Events that are read for one reply, so that a client of a rare topic does not wait for a whole scan."""


class Page:
    """The events of one reply, and how far it reads."""

    __slots__ = ("alone", "complete", "events", "more", "reached")

    def __init__(self, reached: int) -> None:
        self.events: list[dict[str, Any]] = []
        self.alone: list[dict[str, Any]] = []
        """Events that fit no reply: each is sent as a frame of its own."""
        self.reached = reached
        """The highest position that was read."""
        self.more = False
        self.complete = True
        """False if events that `since` overtook did not fit."""


def first_needed(since: int, overtaken_from: int | None) -> int:
    """Return where a replay begins; `overtaken_from` comes with the event at `since`, if that is kept."""
    return since + 1 if overtaken_from is None else min(overtaken_from, since + 1)


def page(stored_events: Iterable[StoredEvent], *, since: int, topic: str, wanted: Filter) -> Page:
    """Fill one reply with the events after `since`, in order, led by those that it may have overtaken."""
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
                if used + size > OVERTAKEN_BYTES_MAX:
                    result.complete = False
                    continue
                room = max(room, used + size + PROGRESS_BYTES)
            elif used + size > room and progress:
                result.more = True
                break

            progress = progress or stored.position > since
            if used + size > REPLY_BYTES_MAX:
                result.alone.append(event)
            else:
                result.events.append(event)
                used += size
        result.reached = max(result.reached, stored.position)

    return result


def live_frame(stored: StoredEvent) -> dict[str, Any]:
    """Return the frame that subscribers received live."""
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
