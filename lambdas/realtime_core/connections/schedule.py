"""What nobody's event triggers: when a connection next needs looking at, and what is due then.

| what | when |
| --- | --- |
| `tokenExpiring` | a minute before the token runs out, once for each expiry |
| close | a minute after the token has run out, unless it was refreshed |
| `reconnect` | 110 to 118 minutes after connecting, once |
| remove | two hours and a minute after connecting: API Gateway has cut the connection |
| probe | when nothing was heard of the connection for the probe interval |

The janitor looks each minute, so whatever is due happens up to a minute later than the moment named here.
"""

import zlib
from collections.abc import Iterator
from typing import Literal, NamedTuple, Protocol

from realtime_core.lifetimes import CLOSE_AFTER_SECONDS, CONNECTION_LIFETIME_SECONDS

WARN_AHEAD_SECONDS = 90
"""Half a minute more than a minute: looked at each minute, it comes 90 to 30 seconds before the expiry."""

HAND_OVER_AFTER_SECONDS = 110 * 60

HAND_OVER_SPREAD_SECONDS = 8 * 60
"""Who came together (after a deployment, an outage) is not sent to reconnect together."""

REMOVE_AFTER_SECONDS = CONNECTION_LIFETIME_SECONDS + 60

PROBE_SECONDS = 10 * 60
"""How long nothing may be known of a connection before it is probed, where no other interval is set."""

LEASE_SECONDS = 120
"""How long what a run has taken on is left to it: longer than a run lives, so that what a dead run left
undone is done by a later one."""

REFRESHED = 0
"""A `due_at` for "at the next run, and no probe is needed": the client has just refreshed its token."""

End = Literal["expired", "outlived"]

Kind = Literal["close", "remove", "tell", "probe", "look"]


class ScheduledConnection(NamedTuple):
    """What the janitor knows of a connection. Times are epoch seconds."""

    connection_id: str
    connected_at: int
    token_exp: int
    due_at: int
    warned_exp: int = 0
    """The expiry that `tokenExpiring` was sent for."""
    handed_over: bool = False
    """Whether `reconnect` was sent."""


class DueWork(NamedTuple):
    """What is due for one connection: its end, or frames, or a probe, or nothing."""

    end: End | None = None
    warn: bool = False
    hand_over: bool = False
    probe: bool = False

    @property
    def kind(self) -> Kind:
        """The one thing to do: close or remove the connection, tell it something, probe it, or only look."""
        if self.end:
            return "close" if self.end == "expired" else "remove"
        if self.warn or self.hand_over:
            return "tell"
        return "probe" if self.probe else "look"


def hand_over_at(record: ScheduledConnection) -> int:
    """When to ask the client to reconnect; the same in every run, evenly spread over connections."""
    jitter = zlib.crc32(record.connection_id.encode()) % HAND_OVER_SPREAD_SECONDS
    return record.connected_at + HAND_OVER_AFTER_SECONDS + jitter


def next_due(record: ScheduledConnection, seen_at: int, probe_seconds: int) -> int:
    """When to look at a connection again that was last known to be there at `seen_at`."""
    moments = [
        record.connected_at + REMOVE_AFTER_SECONDS,
        record.token_exp + CLOSE_AFTER_SECONDS,
        seen_at + probe_seconds,
    ]
    if record.warned_exp != record.token_exp:
        moments.append(record.token_exp - WARN_AHEAD_SECONDS)
    if not record.handed_over:
        moments.append(hand_over_at(record))
    return min(moments)


def first_schedule(connection_id: str, connected_at: int, token_exp: int) -> ScheduledConnection:
    """What is known of a new connection, and when to look at it for the first time."""
    record = ScheduledConnection(connection_id, connected_at, token_exp, due_at=REFRESHED)
    return record._replace(due_at=next_due(record, connected_at, PROBE_SECONDS))


def duties(record: ScheduledConnection, now: int) -> DueWork:
    """What is due now. A connection that is ending gets no frames any more."""
    if now >= record.connected_at + REMOVE_AFTER_SECONDS:
        return DueWork(end="outlived")
    if now >= record.token_exp + CLOSE_AFTER_SECONDS:
        return DueWork(end="expired")
    warn = record.warned_exp != record.token_exp and now >= record.token_exp - WARN_AHEAD_SECONDS
    hand_over = not record.handed_over and now >= hand_over_at(record)
    # A post tells as much as a probe, and so does a refresh.
    probe = not (warn or hand_over or record.due_at == REFRESHED)
    return DueWork(warn=warn, hand_over=hand_over, probe=probe)


def after(
    record: ScheduledConnection,
    now: int,
    probe_seconds: int,
    *,
    warned: bool = False,
    handed_over: bool = False,
) -> ScheduledConnection:
    """The record of a connection that was found to be there now, and of what it was sent."""
    changed = record._replace(
        warned_exp=record.token_exp if warned else record.warned_exp,
        handed_over=record.handed_over or handed_over,
    )
    return changed._replace(due_at=next_due(changed, now, probe_seconds))


class Schedule(Protocol):
    """The connections by when they next need looking at; several runs may look at once."""

    def due(self, now: int) -> Iterator[list[ScheduledConnection]]:
        """What is due, page by page, the longest overdue first; may lag a change by a moment."""

    def claim(self, record: ScheduledConnection, until: int, *, ending: bool = False) -> bool:
        """Take a record on until a moment (one write); False where it changed or somebody else has it.

        `ending` keeps its token from being refreshed from now on.
        """

    def settle(self, claimed_until: int, record: ScheduledConnection) -> None:
        """Store what a record that was due, or claimed until, `claimed_until` was sent and is due next."""

    def count(self) -> int:
        """How many connections have a record; may lag a connect by a moment."""
