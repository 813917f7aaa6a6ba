"""Resuming after a client's `since`: where the replay begins, what it repeats, and whether it is whole.

Every `since` is answered in a bounded number of reads: at most 5 to find the event there, 25 for what it
overtook, 25 for what came after it, and 2 of the bounds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from message_router.replay import READS_MAX, fill_page, matcher
from realtime_core.history.base import HISTORY_SECONDS, SEARCHED_POSITIONS
from realtime_core.history.overtaken import is_overtaken, ranges_to_read
from realtime_core.schema import NewerRecord

if TYPE_CHECKING:
    from collections.abc import Callable

    from realtime_core.filters.filters import Filter
    from realtime_core.history.base import History, HistoryBounds, StoredEvent


_ALLOCATION_SECONDS_MAX = 60 * 60
"""By how much an event may be older than one of a lower position: a retry keeps the first time."""


class Resumed(NamedTuple):
    """The answer to a `since`."""

    position: int
    """The client's next `since`."""
    recovered: bool
    """Whether nothing is missing."""
    events: list[dict[str, Any]]
    oversized: list[dict[str, Any]]
    """Events that do not fit a reply; each is sent as a separate frame."""
    more: bool


class _Start(NamedTuple):
    first: int
    """The first position that is read after what was overtaken."""
    overtaken: list[StoredEvent]
    complete: bool
    """Whether nothing is missing before `first`."""


def resume(
    history: History, since: int, topic: str, wanted: Filter, now: int, *, whole_only: bool = False
) -> Resumed:
    """Read the events of a topic after `since`, filtered, and those that it may have overtaken.

    Of those, what has expired `now` (epoch seconds) is left out. With `whole_only`, a replay of which it is
    known at its start that something may be missing has no events.

    The subscription is in force already, so what is stored later arrives live. Events that a newer release
    stored are a gap, of which nothing is replayed: the client fetches the current state.
    """
    bounds = history.bounds()
    if since > bounds.newest:
        # Of another history: of a table that was restored to an earlier time, or no position at all.
        return Resumed(bounds.newest, False, [], [], False)
    try:
        start = _find_start(history, bounds, since, now)
        if whole_only and not start.complete:
            return Resumed(bounds.newest, False, [], [], False)
        return _replay(history, start, bounds.newest, matcher(topic, wanted, now))
    except NewerRecord:
        return Resumed(bounds.newest, False, [], [], False)


def _replay(history: History, start: _Start, last: int, matches: Callable[[StoredEvent], bool]) -> Resumed:
    """Read the events from a start to the position `last`. Raises NewerRecord."""
    page = fill_page(
        start.overtaken, history.events(start.first, last), first=start.first, last=last, matches=matches
    )
    # Read after the events: if the oldest of them were trimmed meanwhile, the floor shows it.
    is_reached = history.bounds().floor <= start.first
    return Resumed(
        page.reached, start.complete and page.complete and is_reached, page.events, page.oversized, page.more
    )


def _find_start(history: History, bounds: HistoryBounds, since: int, now: int) -> _Start:
    if since < bounds.floor:
        # What the event at `since` overtook is not known any more. Before the first event there is nothing.
        return _Start(bounds.floor, [], bounds.whole and since in {0, bounds.floor - 1})

    anchor = history.last_event_until(since, bounds.floor)
    if anchor is None:
        # Nothing is stored at or below `since`, if the search came down to where the history began: what it
        # overtook has expired. After a longer gap, or where events were removed, it is not known.
        is_beginning = bounds.whole and since - bounds.floor <= SEARCHED_POSITIONS
        return _Start(since + 1, [], is_beginning)
    overtaken, complete = _read_overtaken(history, anchor, bounds)
    if anchor.position < since:
        # `since` is of an earlier reply, and has no event: the one before may have been stored after it.
        overtaken.append(anchor)
        # Or its event has expired and is no longer kept; then what it overtook is not known. No event that
        # was accepted within HISTORY_SECONDS is forgotten.
        complete = complete and anchor.at > now - HISTORY_SECONDS + _ALLOCATION_SECONDS_MAX
    return _Start(since + 1, overtaken, complete)


def _read_overtaken(
    history: History, anchor: StoredEvent, bounds: HistoryBounds
) -> tuple[list[StoredEvent], bool]:
    """The stored events that `anchor` may have overtaken, in order; False if some may be missing."""
    found: list[StoredEvent] = []
    reads = 0
    ranges = ranges_to_read(anchor.overtaken, anchor.position)
    for part in ranges:
        for read in history.events(max(part.first, bounds.floor), part.last):
            reads += 1
            found += [
                stored
                for stored in read.events
                if is_overtaken(anchor.overtaken, stored.position, stored.batch)
            ]
            if reads == READS_MAX and (part is not ranges[-1] or read.reached < part.last):
                return found, False
    # Below the floor of a whole history there has never been anything.
    return found, bounds.whole or all(part.first >= bounds.floor for part in ranges)
