"""The schedule of work that no event triggers: when a connection is next due, and for what.

| work | when |
| --- | --- |
| `tokenExpiring` | a minute before the token expires, once for each expiry |
| close | a minute after the token has expired, unless the client refreshed it |
| `reconnect` | 110 to 118 minutes after the connect, once |
| remove | two hours and a minute after the connect: API Gateway has closed the connection |

The janitor runs each minute, so work is done up to a minute later than it is due. Probes are not scheduled:
who walks all records once in an interval needs no due time for each, which would cost three write units.
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
a second, and a connection's life takes some 16 (docs/performance.md)."""

PARTITIONS_MAX = 256

CLAIM_SECONDS = 120
"""How long a record that is being closed stays with the run that claimed it. Longer than a run, so that a
later run takes over the work of one that crashed."""

REFRESHED = 0
"""The `due_at` of a record that is due at the next run: its token was just refreshed."""

EndReason = Literal["expired", "outlived"]
WorkKind = Literal["close", "remove", "notify", "check"]


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
    """The work due for one connection: end it, send it frames, or nothing."""

    end: EndReason | None = None
    warn: bool = False
    hand_over: bool = False

    @property
    def kind(self) -> WorkKind:
        """The kind of work: close or remove the connection, notify it, or only set its next due time."""
        if self.end:
            return "close" if self.end == "expired" else "remove"
        return "notify" if self.warn or self.hand_over else "check"


def hand_over_at(record: ScheduledConnection) -> int:
    """When to send `reconnect`: the same in every run, evenly distributed over the connections."""
    jitter = zlib.crc32(record.connection_id.encode()) % HAND_OVER_SPREAD_SECONDS
    return record.connected_at + HAND_OVER_AFTER_SECONDS + jitter


def next_due(record: ScheduledConnection) -> int:
    """When a connection is next due, given the frames that it was sent."""
    times = [record.connected_at + REMOVE_AFTER_SECONDS, record.token_exp + CLOSE_AFTER_SECONDS]
    if record.warned_exp != record.token_exp:
        times.append(record.token_exp - WARN_AHEAD_SECONDS)
    if not record.handed_over:
        times.append(hand_over_at(record))
    return min(times)


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
    record = ScheduledConnection(connection_id, connected_at, token_exp, due_at=REFRESHED)
    return record._replace(due_at=next_due(record))


def due_work(record: ScheduledConnection, now: int) -> DueWork:
    """The work that is due now. A connection that is about to end receives no more frames."""
    if now >= record.connected_at + REMOVE_AFTER_SECONDS:
        return DueWork(end="outlived")
    if now >= record.token_exp + CLOSE_AFTER_SECONDS:
        return DueWork(end="expired")
    return DueWork(
        warn=record.warned_exp != record.token_exp and now >= record.token_exp - WARN_AHEAD_SECONDS,
        hand_over=not record.handed_over and now >= hand_over_at(record),
    )


def reschedule(
    record: ScheduledConnection, *, warned: bool = False, handed_over: bool = False
) -> ScheduledConnection:
    """The record with the frames that were sent and its next due time."""
    changed = record._replace(
        warned_exp=record.token_exp if warned else record.warned_exp,
        handed_over=record.handed_over or handed_over,
    )
    return changed._replace(due_at=next_due(changed))


class Place(NamedTuple):
    """A place in the order of a partition, by which a later walk goes on."""

    due_at: int
    connection_id: str


class Schedule(Protocol):
    """The connections by due time, in partitions. Several runs may work on it at once."""

    @property
    def partitions(self) -> int:
        """How many partitions there are, numbered from 0."""

    def due(self, partition: int, now: int) -> Iterator[list[ScheduledConnection]]:
        """The records of a partition that are due, page by page, the longest overdue first.

        Eventually consistent.
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
