"""The schedule of work that no event triggers: when a connection is next due, and for what.

| work | when |
| --- | --- |
| `tokenExpiring` | a minute before the token expires, once for each expiry |
| close | a minute after the token has expired, unless the client refreshed it |
| `reconnect` | 110 to 118 minutes after the connect, once |
| remove | two hours and a minute after the connect: API Gateway has closed the connection |
| probe | when the connection has not been seen alive for the probe interval |

The janitor runs each minute, so work is done up to a minute later than it is due.
"""

import zlib
from collections.abc import Iterator
from typing import Literal, NamedTuple, Protocol

from realtime_core.lifetimes import CLOSE_AFTER_SECONDS, CONNECTION_LIFETIME_SECONDS

WARN_AHEAD_SECONDS = 90
"""With a run each minute, the warning arrives 90 to 30 seconds before the token expires."""

HAND_OVER_AFTER_SECONDS = 110 * 60

HAND_OVER_SPREAD_SECONDS = 8 * 60
"""Clients that connected together, after a deployment or an outage, do not all reconnect together."""

REMOVE_AFTER_SECONDS = CONNECTION_LIFETIME_SECONDS + 60

PROBE_SECONDS = 10 * 60
"""The default probe interval."""

LEASE_SECONDS = 120
"""How long a claimed record stays with the run that claimed it. Longer than a run, so that a later run takes
over the work of one that crashed."""

REFRESHED = 0
"""The `due_at` of a record that is due at the next run and needs no probe: its token was just refreshed."""

EndReason = Literal["expired", "outlived"]
WorkKind = Literal["close", "remove", "notify", "probe", "check"]


class ScheduledConnection(NamedTuple):
    """The janitor's view of a connection. Times are epoch seconds."""

    connection_id: str
    connected_at: int
    token_exp: int
    due_at: int
    warned_exp: int = 0
    """The expiry that `tokenExpiring` was sent for."""
    handed_over: bool = False
    """Whether `reconnect` was sent."""


class DueWork(NamedTuple):
    """The work due for one connection: end it, send it frames, probe it, or nothing."""

    end: EndReason | None = None
    warn: bool = False
    hand_over: bool = False
    probe: bool = False

    @property
    def kind(self) -> WorkKind:
        """The kind of work: close or remove the connection, notify or probe it, or only check its record."""
        if self.end:
            return "close" if self.end == "expired" else "remove"
        if self.warn or self.hand_over:
            return "notify"
        return "probe" if self.probe else "check"


def hand_over_at(record: ScheduledConnection) -> int:
    """When to send `reconnect`: the same in every run, evenly distributed over the connections."""
    jitter = zlib.crc32(record.connection_id.encode()) % HAND_OVER_SPREAD_SECONDS
    return record.connected_at + HAND_OVER_AFTER_SECONDS + jitter


def next_due(record: ScheduledConnection, seen_at: int, probe_seconds: int) -> int:
    """When a connection that was last seen alive at `seen_at` is next due."""
    times = [
        record.connected_at + REMOVE_AFTER_SECONDS,
        record.token_exp + CLOSE_AFTER_SECONDS,
        seen_at + probe_seconds,
    ]
    if record.warned_exp != record.token_exp:
        times.append(record.token_exp - WARN_AHEAD_SECONDS)
    if not record.handed_over:
        times.append(hand_over_at(record))
    return min(times)


def first_schedule(connection_id: str, connected_at: int, token_exp: int) -> ScheduledConnection:
    """The schedule of a new connection."""
    record = ScheduledConnection(connection_id, connected_at, token_exp, due_at=REFRESHED)
    return record._replace(due_at=next_due(record, connected_at, PROBE_SECONDS))


def due_work(record: ScheduledConnection, now: int) -> DueWork:
    """The work that is due now. A connection that is about to end receives no more frames."""
    if now >= record.connected_at + REMOVE_AFTER_SECONDS:
        return DueWork(end="outlived")
    if now >= record.token_exp + CLOSE_AFTER_SECONDS:
        return DueWork(end="expired")
    warn = record.warned_exp != record.token_exp and now >= record.token_exp - WARN_AHEAD_SECONDS
    hand_over = not record.handed_over and now >= hand_over_at(record)
    # A post reveals whether the connection is alive, as a probe does; so does a refresh.
    probe = not (warn or hand_over or record.due_at == REFRESHED)
    return DueWork(warn=warn, hand_over=hand_over, probe=probe)


def reschedule(
    record: ScheduledConnection,
    now: int,
    probe_seconds: int,
    *,
    warned: bool = False,
    handed_over: bool = False,
) -> ScheduledConnection:
    """The record of a connection that is alive now, with the frames that were sent and the next due time."""
    changed = record._replace(
        warned_exp=record.token_exp if warned else record.warned_exp,
        handed_over=record.handed_over or handed_over,
    )
    return changed._replace(due_at=next_due(changed, now, probe_seconds))


class Schedule(Protocol):
    """The connections by due time. Several runs may work on it at once."""

    def due(self, now: int) -> Iterator[list[ScheduledConnection]]:
        """The records that are due, page by page, the longest overdue first; eventually consistent."""

    def claim(self, record: ScheduledConnection, until: int, *, ending: bool = False) -> bool:
        """Claim a record until a time (one write). False if it has changed or another run has claimed it.

        With `ending`, the connection's token can no longer be refreshed.
        """

    def settle(self, claimed_until: int, record: ScheduledConnection) -> None:
        """Store the frames sent and the next due time of a record with the `due_at` of `claimed_until`."""

    def count(self) -> int:
        """How many connections have a record; eventually consistent."""
