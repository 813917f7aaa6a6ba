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
from realtime_core.connections.schedule import (
    CLAIM_SECONDS,
    REFRESHED,
    DueWork,
    ScheduledConnection,
    due_work,
    overdue_seconds,
    postpone,
    reschedule,
)
from realtime_core.errors import StoreUnavailable
from realtime_core.push.closing import announce_and_close
from realtime_core.push.removal import remove_connections
from realtime_core.telemetry.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from realtime_core.connections.base import Connections
    from realtime_core.connections.schedule import NoticeSpan, Schedule, WorkKind
    from realtime_core.push.base import ManagementApi
    from realtime_core.subscriptions.base import Subscriptions

log = get_logger(__name__)

_Due = tuple[ScheduledConnection, DueWork]

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

    def perform(
        self, page: Sequence[ScheduledConnection], now: int, span: NoticeSpan | None
    ) -> tuple[RunReport, bool]:
        """Do what is due for each record of a page; a failure in one kind of work leaves the others alone.

        Sends the notices of the span, or with None neither notices nor anything that depends on them. Returns
        the report, and whether the span is done with for these records.
        """
        report = RunReport()
        due: defaultdict[WorkKind, list[_Due]] = defaultdict(list)
        for record in page:
            work = due_work(record, now, span)
            report.lag_seconds = max(report.lag_seconds, overdue_seconds(record, work, now))
            due[work.kind].append((record, work))

        self._attempt("close", due["close"], lambda records: self._close(records, now, report), report)
        self._attempt("remove", due["remove"], lambda records: self._remove_outlived(records, report), report)
        if span is None:
            return report, False
        until = span.until
        done = [
            self._attempt(
                "notify", due["notify"], lambda some: self._notify(some, now, until, report), report
            ),
            self._attempt("check", due["check"], lambda some: self._reschedule(some, until), report),
        ]
        return report, all(done)

    def _attempt(
        self, duty: WorkKind, found: list[_Due], work: Callable[[list[_Due]], None], report: RunReport
    ) -> bool:
        """Do one kind of work. Returns whether it did not fail, and counts a failure in the report."""
        if not found:
            return True
        try:
            work(found)
        except StoreUnavailable:
            report.failures += 1
            log.exception("upkeep_failed", duty=duty, count=len(found))
            return False
        return True

    def _close(self, found: list[_Due], now: int, report: RunReport) -> None:
        """Close the connections whose token has expired. The claim excludes a refresh in between."""
        expired = [record for record, _ in found]
        granted = map_concurrently(lambda record: self.schedule.claim(record, now + CLAIM_SECONDS), expired)
        claimed = [record for record, claimed in zip(expired, granted, strict=True) if claimed]
        ids = [record.connection_id for record in claimed]
        gone = announce_and_close(self.poster, ids, "expired", now)
        # One that has not opened yet is closed when the claim ends.
        left = set(gone) - ended(claimed, gone, now)
        ids = [connection_id for connection_id in ids if connection_id not in left]
        self.remove(ids)
        report.closed += len(ids)

    def _notify(self, found: list[_Due], now: int, until: int, report: RunReport) -> None:
        """Send the notices that are due. What was sent is not stored; what could not be is put off.

        A record whose due time no run could know of gets one, with what its connection was sent.
        """
        sent = send_notices(found, now, self.poster, POST_BUDGET_SECONDS)
        report.warned += len(sent.warned)
        report.handed_over += len(sent.handed_over)
        gone = ended((record for record, _ in found), sent.gone, now)
        report.gone += self.remove(gone)

        changes: list[tuple[ScheduledConnection, ScheduledConnection]] = []
        for record, work in found:
            warned = record.connection_id in sent.warned
            handed_over = record.connection_id in sent.handed_over
            if record.connection_id in gone:
                continue
            if work.warn > warned or work.hand_over > handed_over:
                report.postponed += 1
                changes.append((record, postpone(record, until, warned=warned, handed_over=handed_over)))
            elif record.due_at == REFRESHED:
                changes.append((record, reschedule(record, until, warned=warned)))
        self._settle(changes)

    def _reschedule(self, found: list[_Due], until: int) -> None:
        """Set the due times of connections for which nothing is to be done now."""
        self._settle([(record, reschedule(record, until)) for record, _ in found])

    def _settle(self, changes: list[tuple[ScheduledConnection, ScheduledConnection]]) -> None:
        map_concurrently(lambda change: self.schedule.settle(change[0].due_at, change[1]), changes)

    def _remove_outlived(self, found: list[_Due], report: RunReport) -> None:
        report.outlived += self.remove(record.connection_id for record, _ in found)

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
