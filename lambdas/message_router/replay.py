"""Replay of stored events after a client's `since`: in order, filtered, bounded, and without silent gaps."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from realtime_core.filters import searching
from realtime_core.filters.filters import Attributes, Filter
from realtime_core.history.base import EventPage, StoredEvent
from realtime_core.lifetimes import is_expired
from realtime_core.wire.events import event_fields
from realtime_core.wire.frames import FRAME_BYTES_MAX, MESSAGE_BYTES_MAX
from realtime_core.wire.strict_json import byte_length, dumps
from realtime_core.wire.topics import topics_reached

REPLY_BYTES = 6 * 1024
"""Room for the reply without its events: the filter alone may have 4 KB."""
PROGRESS_BYTES = 16 * 1024
"""Room reserved for events after `since`: else a client with many overtaken events would not progress."""
REPLY_BYTES_MAX = MESSAGE_BYTES_MAX - REPLY_BYTES
OVERTAKEN_BYTES_MAX = REPLY_BYTES_MAX - PROGRESS_BYTES
SCANNED_MAX = 2_000
"""The most events that one reply scans, so that a client of a rare topic does not wait."""
READS_MAX = 25
"""The most reads after `since` that one reply takes: each of a hundred positions, or of 1 MB."""


class Page:
    """The events of a reply, and how far it reaches."""

    __slots__ = ("complete", "events", "more", "oversized", "reached", "used")

    def __init__(self, reached: int) -> None:
        self.events: list[dict[str, Any]] = []
        self.used = 0
        """The bytes of `events`."""
        self.oversized: list[dict[str, Any]] = []
        """Events that do not fit a reply; each is sent as a separate frame."""
        self.reached = reached
        """The position of the last event that was scanned; the client's next `since`."""
        self.more = False
        """Whether there may be more events after `reached`."""
        self.complete = True
        """False if events that `since` overtook did not fit."""

    def put(self, event: dict[str, Any], size: int) -> None:
        """Add an event that takes `size` bytes of a reply."""
        if self.used + size > REPLY_BYTES_MAX:
            self.oversized.append(event)
        else:
            self.events.append(event)
            self.used += size


def fill_page(
    overtaken: Iterable[StoredEvent],
    later: Iterable[EventPage],
    *,
    first: int,
    last: int,
    matches: Callable[[StoredEvent], bool],
) -> Page:
    """Fill a reply with the matching events from `first` on, in order, preceded by overtaken ones.

    `later` reads the events from `first` to `last`, one page at a time as it is needed.
    """
    page = Page(first - 1)
    for stored in filter(matches, overtaken):
        event, size = measure(stored)
        # Overtaken events may exceed a network frame, but leave room for progress.
        if page.used + size <= OVERTAKEN_BYTES_MAX:
            page.put(event, size)
        elif size > OVERTAKEN_BYTES_MAX:
            page.oversized.append(event)
        else:
            page.complete = False

    reached = _fill_later(page, later, matches)
    if not page.more and reached < last:
        # Also without an event there, else a client would never get beyond a long gap.
        page.reached, page.more = max(page.reached, reached), True
    return page


def _fill_later(page: Page, later: Iterable[EventPage], matches: Callable[[StoredEvent], bool]) -> int:
    """Add events while they fit a network frame, but at least one; returns what the reads reached."""
    room = max(FRAME_BYTES_MAX - REPLY_BYTES, page.used + PROGRESS_BYTES)
    reached, scanned, progress = page.reached, 0, False
    for read in islice(later, READS_MAX):
        for stored in read.events:
            if scanned == SCANNED_MAX:
                page.more = True
                return reached
            if matches(stored):
                event, size = measure(stored)
                if progress and page.used + size > room:
                    page.more = True
                    return reached
                page.put(event, size)
                progress = True
            scanned += 1
            page.reached = stored.position
        reached = read.reached
    return reached


def measure(stored: StoredEvent) -> tuple[dict[str, Any], int]:
    """An event's frame, and its bytes in a reply."""
    event = live_frame(stored)
    return event, byte_length(dumps(event)) + 1


def live_frame(stored: StoredEvent) -> dict[str, Any]:
    """The event's frame, equal to the one that subscribers received live."""
    return event_fields(stored, event_id=stored.event_id, now=stored.at, position=stored.position)


def matcher(topic: str, wanted: Filter, now: int) -> Callable[[StoredEvent], bool]:
    """A predicate of the stored events that a subscription receives `now`, epoch seconds."""

    def matches(stored: StoredEvent) -> bool:
        if topic not in topics_reached(stored.topic) or is_expired(stored.expires_at, now):
            return False
        try:
            return wanted.matches(Attributes(stored.filters, stored.data))
        finally:
            searching.forget()

    return matches
