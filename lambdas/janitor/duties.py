"""Work with a deadline: expired tokens, hand-overs and warnings, a page of due records at a time.

Runs at the same time work on different partitions. Where two meet after all, as when a lease ended before its
run, a notice may be sent twice, which does no harm; a connection is closed by one only, since that one has
to exclude a refresh of the token.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from janitor.notices import send_notices
from janitor.run_report import RunReport
from realtime_core.concurrency import batches, map_concurrently
from realtime_core.connections.base import is_opening
from realtime_core.connections.schedule import CLAIM_SECONDS, REFRESHED, due_work, reschedule
from realtime_core.errors import StoreUnavailable
from realtime_core.push.removal import remove_connections
from realtime_core.telemetry.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from realtime_core.connections.base import Connections
    from realtime_core.connections.schedule import Schedule, ScheduledConnection, WorkKind
    from realtime_core.push.base import ManagementApi
    from realtime_core.subscriptions.base import Subscriptions

log = get_logger(__name__)

POST_BUDGET_SECONDS = 5.0
"""For the posts or the probes of one page; the next run does what is left."""
REMOVE_TOGETHER = 10
"""Records that one worker removes one after another, with their memberships in batches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Duties:
    """Does what is due for connections. Threads may share an instance."""

    schedule: Schedule
    connections: Connections
    subscriptions: Subscriptions
    poster: ManagementApi

    def perform(self, page: Sequence[ScheduledConnection], now: int) -> RunReport:
        """Do what is due for each record of a page; a failure in one kind of work leaves the others alone."""
        report = RunReport()
        overdue = (now - record.due_at for record in page if record.due_at != REFRESHED)
        report.lag_seconds = max(overdue, default=0)

        due: defaultdict[WorkKind, list[ScheduledConnection]] = defaultdict(list)
        for record in page:
            due[due_work(record, now).kind].append(record)
        work: dict[WorkKind, Callable[[list[ScheduledConnection], int, RunReport], None]] = {
            "close": self._close,
            "notify": self._notify,
            "remove": self._remove_outlived,
            "check": self._reschedule,
        }
        for kind, records in due.items():
            try:
                work[kind](records, now, report)
            except StoreUnavailable:
                report.failures += 1
                log.exception("upkeep_failed", duty=kind, count=len(records))
        return report

    def _close(self, expired: list[ScheduledConnection], now: int, report: RunReport) -> None:
        """Close the connections whose token has expired. The claim excludes a refresh in between."""
        granted = map_concurrently(lambda record: self.schedule.claim(record, now + CLAIM_SECONDS), expired)
        claimed = [record for record, claimed in zip(expired, granted, strict=True) if claimed]
        ids = [record.connection_id for record in claimed]
        gone = self.poster.close(ids)
        # One that has not opened yet is closed when the claim ends.
        left = set(gone) - ended(claimed, gone, now)
        ids = [connection_id for connection_id in ids if connection_id not in left]
        self.remove(ids)
        report.closed += len(ids)

    def _notify(self, records: list[ScheduledConnection], now: int, report: RunReport) -> None:
        """Send the notices that are due, and store which were sent with one write each.

        What was not sent stays due, without a write. A run that dies in between leaves a page of notices to
        be sent again.
        """
        sent = send_notices(records, now, self.poster, POST_BUDGET_SECONDS)
        report.warned += len(sent.warned)
        report.handed_over += len(sent.handed_over)
        gone = ended(records, sent.gone, now)
        report.gone += self.remove(gone)

        def settle(record: ScheduledConnection) -> bool:
            """Store what was sent. Returns whether that was everything that was due."""
            warned = record.connection_id in sent.warned
            handed_over = record.connection_id in sent.handed_over
            if not (warned or handed_over):
                return False
            settled = reschedule(record, warned=warned, handed_over=handed_over)
            self.schedule.settle(record.due_at, settled)
            return settled.due_at > now

        present = [record for record in records if record.connection_id not in gone]
        report.postponed += map_concurrently(settle, present).count(False)

    def _reschedule(self, records: list[ScheduledConnection], _now: int, _report: RunReport) -> None:
        """Set when connections are due next for which nothing is to be done: their token was refreshed."""
        map_concurrently(lambda record: self.schedule.settle(record.due_at, reschedule(record)), records)

    def _remove_outlived(self, records: list[ScheduledConnection], _now: int, report: RunReport) -> None:
        report.outlived += self.remove(record.connection_id for record in records)

    def remove(self, connection_ids: Iterable[str]) -> int:
        """Remove connections with their memberships. Returns how many there were. Raises StoreUnavailable."""
        return sum(
            map_concurrently(
                lambda batch: remove_connections(batch, self.connections, self.subscriptions),
                batches(list(connection_ids), REMOVE_TOGETHER),
            )
        )


def ended(records: Iterable[ScheduledConnection], gone: Iterable[str], now: int) -> set[str]:
    """The ids among `gone` (410) of connections that have ended; the others may not have opened yet."""
    may_open = {record.connection_id for record in records if is_opening(record.connected_at, now)}
    return set(gone) - may_open
