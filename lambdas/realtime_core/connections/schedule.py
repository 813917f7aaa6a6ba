"""The schedule of work that no event triggers: when a connection is next due, and for what.

| work | when |
| --- | --- |
| `tokenExpiring` | a minute before the token expires, once for each expiry |
| close | a minute after the token has expired, unless the client refreshed it |
| `reconnect` | 110 to 118 minutes after the connect, once |
| remove | two hours and a minute after the connect: API Gateway has closed the connection |

The janitor runs each minute, so work is done up to a minute later than it is due. Probes are not scheduled:
who walks all records once in an interval needs no due time for each, which would cost three write units.

A notice is not stored either. The records are read in order of time, and the janitor knows until when the
notices of a partition are sent (`NoticeSpan`). So a record stays where it is in the order until its token is
refreshed or its connection ends, and is read again by each run until then: docs/adr/0023.
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
"""The default probe interval: how often all connections are walked through."""

PARTITIONS = 8
"""The default number of partitions of the schedule, and the least. Outside limit: one takes 1,000 write units
a second, and a connection's life with tokens of an hour takes some 6 (docs/performance.md)."""

PARTITIONS_MAX = 256

CLAIM_SECONDS = 120
"""How long a record that is being closed stays with the run that claimed it. Longer than a run, so that a
later run takes over the work of one that crashed."""

REFRESHED = 0
"""The `due_at` of a record that the next run has to look at: its warning is too near, or not known."""

AHEAD_SECONDS = 30
"""How far ahead a due time has to be when it is written. Longer than the index lags and than clocks differ,
so that a run which has sent all notices up to a time has seen every record that is due by then."""

EndReason = Literal["expired", "outlived"]
WorkKind = Literal["close", "remove", "notify", "check", "wait"]


class ScheduledConnection(NamedTuple):
    """The janitor's view of a connection. Times are epoch seconds."""

    connection_id: str
    connected_at: int
    token_exp: int
    due_at: int
    warned_exp: int = 0
    """The expiry that `tokenExpiring` was sent for, where that is stored."""
    handed_over: bool = False
    """Whether it is stored that `reconnect` was sent."""


class NoticeSpan(NamedTuple):
    """The notices to send: those whose time is after `after`, and not after `until` (epoch seconds)."""

    after: int
    until: int


class DueWork(NamedTuple):
    """The work due for one connection: end it, send it frames, set its due time, or nothing."""

    end: EndReason | None = None
    warn: bool = False
    hand_over: bool = False
    check: bool = False

    @property
    def kind(self) -> WorkKind:
        """The kind of work: close or remove the connection, notify it, set its due time, or nothing."""
        if self.end:
            return "close" if self.end == "expired" else "remove"
        if self.warn or self.hand_over:
            return "notify"
        return "check" if self.check else "wait"


def hand_over_at(record: ScheduledConnection) -> int:
    """When to send `reconnect`: the same in every run, evenly distributed over the connections."""
    jitter = zlib.crc32(record.connection_id.encode()) % HAND_OVER_SPREAD_SECONDS
    return record.connected_at + HAND_OVER_AFTER_SECONDS + jitter


def warn_at(record: ScheduledConnection) -> int:
    """When to send `tokenExpiring`."""
    return record.token_exp - WARN_AHEAD_SECONDS


def next_due(record: ScheduledConnection) -> int:
    """When a connection is next due, given the frames that are stored as sent."""
    times = [record.connected_at + REMOVE_AFTER_SECONDS, record.token_exp + CLOSE_AFTER_SECONDS]
    if record.warned_exp != record.token_exp:
        times.append(warn_at(record))
    if not record.handed_over:
        times.append(hand_over_at(record))
    return min(times)


def due_with_token(connection_id: str, connected_at: int, token_exp: int, now: int) -> int:
    """The due time to write with a new token, at the connect and at a refresh.

    No time of the schedule is before it, except for those that a run has passed already. `REFRESHED` if the
    warning is so near that a run may have passed it before the record is in the index.
    """
    record = ScheduledConnection(connection_id, connected_at, token_exp, REFRESHED)
    return next_due(record) if warn_at(record) >= now + AHEAD_SECONDS else REFRESHED


def heard_at(record: ScheduledConnection) -> int:
    """The last time that the connection was there, as far as the record says: it connected, or got a notice.

    A notice counts from when it was due, the earliest that it can have arrived.
    """
    times = [record.connected_at]
    if record.warned_exp == record.token_exp:
        times.append(record.token_exp - WARN_AHEAD_SECONDS)
    if record.handed_over:
        times.append(hand_over_at(record))
    return max(times)


def first_schedule(connection_id: str, connected_at: int, token_exp: int) -> ScheduledConnection:
    """The schedule of a new connection."""
    due_at = due_with_token(connection_id, connected_at, token_exp, connected_at)
    return ScheduledConnection(connection_id, connected_at, token_exp, due_at)


def due_work(record: ScheduledConnection, now: int, span: NoticeSpan | None) -> DueWork:
    """The work that is due now, with the notices of the span; with None no notices, and nothing to check.

    A connection that is about to end receives no more frames. A notice whose time is before the due time was
    put off until then. For a token that came with too little time no run has sent a warning.
    """
    if now >= record.connected_at + REMOVE_AFTER_SECONDS:
        return DueWork(end="outlived")
    if now >= record.token_exp + CLOSE_AFTER_SECONDS:
        return DueWork(end="expired")
    if span is None:
        return DueWork()

    def owed(time: int) -> bool:
        return time <= span.until and max(time, record.due_at) > span.after

    new_to_runs = record.due_at == REFRESHED
    return DueWork(
        warn=record.warned_exp != record.token_exp
        and (owed(warn_at(record)) or (new_to_runs and warn_at(record) <= span.until)),
        hand_over=not record.handed_over and owed(hand_over_at(record)),
        check=new_to_runs,
    )


def overdue_seconds(record: ScheduledConnection, work: DueWork, now: int) -> int:
    """For how long the most overdue part of the work has been due; 0 if no run could know of it before."""
    if record.due_at == REFRESHED:
        return 0
    times = [
        *([record.connected_at + REMOVE_AFTER_SECONDS] if work.end == "outlived" else []),
        *([record.token_exp + CLOSE_AFTER_SECONDS] if work.end == "expired" else []),
        *([warn_at(record)] if work.warn else []),
        *([hand_over_at(record)] if work.hand_over else []),
    ]
    return now - min(times, default=now)


def reschedule(record: ScheduledConnection, until: int, *, warned: bool = False) -> ScheduledConnection:
    """A `REFRESHED` record with its next due time, after everything that was due up to `until` is done.

    It leaves the place by which runs know what it was sent, so that is stored.
    """
    changed = record._replace(
        warned_exp=record.token_exp if warned else record.warned_exp,
        handed_over=record.handed_over or hand_over_at(record) <= until,
    )
    return changed._replace(due_at=next_due(changed))


def postpone(
    record: ScheduledConnection, until: int, *, warned: bool, handed_over: bool
) -> ScheduledConnection:
    """A record of which a notice could not be sent, in the way of the next run; what was sent is stored."""
    return record._replace(
        warned_exp=record.token_exp if warned else record.warned_exp,
        handed_over=record.handed_over or handed_over,
        due_at=until + 1,
    )


class Place(NamedTuple):
    """A place in the order of a partition, by which a later walk goes on."""

    due_at: int
    connection_id: str


def place_of(record: ScheduledConnection) -> Place:
    """The place of a record."""
    return Place(record.due_at, record.connection_id)


class Schedule(Protocol):
    """The connections by due time, in partitions. Several runs may work on it at once."""

    @property
    def partitions(self) -> int:
        """How many partitions there are, numbered from 0."""

    def due(
        self, partition: int, now: int, after: Place | None = None
    ) -> Iterator[list[ScheduledConnection]]:
        """The records of a partition that are due, page by page, the longest overdue first.

        `after` is where an earlier reading stopped. Eventually consistent.
        """

    def walk(
        self, partition: int, now: int, after: Place | None, limit: int
    ) -> tuple[list[ScheduledConnection], Place | None]:
        """Up to `limit` records that are not due, in order, and the place to go on from; None at the end.

        One query; eventually consistent.
        """

    def claim(self, record: ScheduledConnection, until: int) -> bool:
        """Claim a record until a time to close its connection: its token can no longer be refreshed.

        One write. False if the record has changed or another run has claimed it.
        """

    def settle(self, was_due_at: int, record: ScheduledConnection) -> None:
        """Store the frames sent and the next due time of a record that has the `due_at` of `was_due_at`."""

    def count(self, partition: int) -> int:
        """How many connections have a record in a partition; eventually consistent."""
