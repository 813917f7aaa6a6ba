"""Publishes any number of events in the time of an invocation: slice by slice, the rest is left."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from realtime_core.errors import StoreUnavailable
from realtime_core.telemetry.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from broadcast.publisher import Publisher, Result, Submission

log = get_logger(__name__)

SLICE_SECONDS = 15.0
"""How long a slice may take: its direct posts with their last answers, and the calls before and after."""
PAUSE_SECONDS = 5.0
"""What is left of a function's time when it pauses the planning of a large audience: for the window that it
is at, and for the message with which another invocation goes on."""
SLICE_WEIGHT = 100
"""The most events of a slice; one with recipients counts as more."""
RECIPIENTS_PER_EVENT = 20
"""So many inboxes and look-ups cost about as much as another event."""


def planning_deadline(seconds_left: float) -> float:
    """Until when an invocation with so many seconds left may plan large audiences, by `time.monotonic`."""
    return time.monotonic() + seconds_left - PAUSE_SECONDS


def publish_in_time(
    publisher: Publisher, submissions: Sequence[Submission], seconds_left: Callable[[], float]
) -> list[Result]:
    """Publish events together, as many at once as there is time for; returns the result of each.

    Those that there is no time for are StoreUnavailable: a function that times out would publish all of its
    events again, and again run out of time.
    """
    results: list[Result] = []
    for part in _slices(submissions):
        if seconds_left() < SLICE_SECONDS:
            log.warning("events_left_for_lack_of_time", events=len(submissions) - len(results))
            break
        results += publisher.publish_all(part, planning_deadline(seconds_left()))
    left = len(submissions) - len(results)
    return results + [StoreUnavailable("there was no time left to publish it") for _ in range(left)]


def _slices(submissions: Sequence[Submission]) -> Iterator[list[Submission]]:
    part: list[Submission] = []
    used = 0
    for item in submissions:
        weight = 1 + len(item.event.recipients or ()) // RECIPIENTS_PER_EVENT
        if part and used + weight > SLICE_WEIGHT:
            yield part
            part, used = [], 0
        part.append(item)
        used += weight
    if part:
        yield part
