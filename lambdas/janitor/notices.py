"""Sends the notices that are due: the frames `tokenExpiring` and `reconnect`."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from realtime_core.lifetimes import CONNECTION_LIFETIME_SECONDS
from realtime_core.wire.frames import frame

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from realtime_core.connections.schedule import DueWork, ScheduledConnection
    from realtime_core.push.base import ManagementApi


GRACE_STEP_SECONDS = 30
"""`graceSeconds` is rounded down to this, so that many connections share a frame."""


def token_expiring_frame(token_exp: int, now: int) -> str:
    """The `tokenExpiring` frame; times are epoch seconds."""
    return frame("tokenExpiring", {"expiresAt": token_exp}, now=now)


def reconnect_frame(connected_at: int, now: int) -> str:
    """The `reconnect` frame; `graceSeconds` is how long API Gateway leaves the connection, at least."""
    left = max(0, connected_at + CONNECTION_LIFETIME_SECONDS - now)
    grace = left - left % GRACE_STEP_SECONDS
    return frame("reconnect", {"reason": "connectionLifetime", "graceSeconds": grace}, now=now)


@dataclass(slots=True)
class SentNotices:
    """The connection ids that were sent each notice, and those that were found gone."""

    warned: set[str] = field(default_factory=set)
    handed_over: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)


def send_notices(
    due: Sequence[tuple[ScheduledConnection, DueWork]],
    now: int,
    poster: ManagementApi,
    budget_seconds: float,
) -> SentNotices:
    """Send each connection the notices that are due at `now` (epoch seconds), within the time budget.

    Reports posts that failed by leaving them out, instead of raising.
    """
    sent, deadline = SentNotices(), time.monotonic() + budget_seconds

    warnings = (
        (record.connection_id, token_expiring_frame(record.token_exp, now))
        for record, work in due
        if work.warn
    )
    hand_overs = (
        (record.connection_id, reconnect_frame(record.connected_at, now))
        for record, work in due
        if work.hand_over
    )
    for frames, delivered in ((warnings, sent.warned), (hand_overs, sent.handed_over)):
        for payload, ids in _by_frame(frames).items():
            # A connection that the first notice found gone gets no second one.
            left = [connection_id for connection_id in ids if connection_id not in sent.gone]
            report = poster.post(payload, left, deadline - time.monotonic())
            delivered.update(report.delivered)
            sent.gone.update(report.gone)
    return sent


def _by_frame(frames: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Connection ids by the frame to send: few frames, as what is due together expires together."""
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for connection_id, payload in frames:
        groups[payload].append(connection_id)
    return groups
