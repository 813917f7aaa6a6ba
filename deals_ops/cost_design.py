"""What the design of the service makes of its traffic: units, lines and heartbeats, before and now.

The traffic is the same for both, so a table of both says what changes of the design are worth. The first
release was priced without the lines of its router and without what a refresh left to the janitor; both are
in here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

Units = Mapping[str, tuple[float, float]]
"""Read and write units by operation. A write to an index takes a unit; the limiter's are added elsewhere."""

UNITS: Units = {
    # Reads one or two revocations (consistent) and the count by the index; writes the record, two indexes.
    "connect": (1.5, 3),
    # Reads the record (consistent); writes it, its indexes, and one membership.
    "disconnect": (1, 4),
    # Reads record and counter (consistent); the transaction of record and membership costs double.
    "subscribeToDeals": (2, 4),
    # Reads the recipient by the index; a transaction of message, unread count and repeat record.
    "sendMessage": (0.5, 6),
    # Reads the entry, and the sender by the index; a transaction of entry and unread count.
    "notificationAck": (1.5, 4),
    # Reads record and unread counters (consistent).
    "getStatus": (2, 0),
    # Reads revocations; writes the record, one index, the other twice (delete, put), one membership.
    "refreshToken": (1, 5),
    # Writes the counter twice, a transaction of event and repeat, the result, and two topics' marks.
    "event": (2, 7),
    # Reads the index, and writes nothing for a live connection.
    "probe": (0.02, 0),
    # Reads the record by each run until it moves, and writes a 200th of a page's progress.
    "notice": (0.1, 0.005),
}

FIRST_RELEASE_UNITS: Units = {
    **UNITS,
    # The next run of the janitor set the due time: the record, and its index twice.
    "refreshToken": (1, 8),
    # Each due time was the record, and its index twice; a notice was claimed before it, and settled after.
    "probe": (0.02, 3),
    "notice": (0.02, 6),
}


@dataclass(frozen=True, kw_only=True)
class Design:
    """The design of a release, as far as it costs."""

    units: Units
    heartbeats_answered: bool
    """Whether a heartbeat runs a function and gets a `pong`, or API Gateway takes it in silence."""
    heartbeats_when_idle: bool
    """Whether a client sends one only where no other frame came or went, or at fixed intervals."""
    lambda_log_bytes: int
    """Lambda's own lines for an invocation."""
    access_log_bytes: int
    """One line of the API."""


NOW = Design(
    units=UNITS,
    heartbeats_answered=False,
    heartbeats_when_idle=True,
    lambda_log_bytes=0,
    access_log_bytes=390,
)

FIRST_RELEASE = replace(
    NOW,
    units=FIRST_RELEASE_UNITS,
    heartbeats_answered=True,
    heartbeats_when_idle=False,
    lambda_log_bytes=300,
    access_log_bytes=700,
)
