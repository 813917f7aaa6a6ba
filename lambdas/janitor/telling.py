"""Sending the frames that are due: `tokenExpiring` and `reconnect`."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from realtime_core.connections.frames import hand_over_frame, warning_frame
from realtime_core.connections.schedule import due_work

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from realtime_core.connections.schedule import ScheduledConnection
    from realtime_core.push.base import ManagementApi


@dataclass(slots=True)
class Told:
    """Who was sent what, and who turned out to be gone, by connection id."""

    warned: set[str] = field(default_factory=set)
    handed_over: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)


def tell(
    records: Sequence[ScheduledConnection], now: int, poster: ManagementApi, budget_seconds: float
) -> Told:
    """Send each connection what is due for it, within the time budget. Never raises."""
    told, deadline = Told(), time.monotonic() + budget_seconds
    due = [(one, due_work(one, now)) for one in records]
    warnings = ((one.connection_id, warning_frame(one.token_exp, now)) for one, duty in due if duty.warn)
    hand_overs = (
        (one.connection_id, hand_over_frame(one.connected_at, now)) for one, duty in due if duty.hand_over
    )
    for frames, heard in ((warnings, told.warned), (hand_overs, told.handed_over)):
        for frame, ids in _together(frames).items():
            # Who was found gone by the first frame is not asked again.
            left = [one for one in ids if one not in told.gone]
            report = poster.post(frame, left, deadline - time.monotonic())
            heard.update(report.delivered)
            told.gone.update(report.gone)
    return told


def _together(frames: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Connections by what they are sent; few frames differ, for what is due together expires together."""
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for connection_id, frame in frames:
        groups[frame].append(connection_id)
    return groups
