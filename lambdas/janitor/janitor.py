"""One run: reads every connection that is due, and does what is due for it.

Two runs may overlap, and a run may die at any point. It claims a connection before it sends a notice or
closes it, so that no two runs do the same, and what a run leaves undone is due again when its claim ends.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from janitor.notices import send_notices
from janitor.run_report import RunReport
from realtime_core.concurrency import batches, map_concurrently
from realtime_core.connections.base import is_opening
from realtime_core.connections.schedule import LEASE_SECONDS, PROBE_SECONDS, REFRESHED, due_work, reschedule
from realtime_core.errors import StoreUnavailable
from realtime_core.push.pusher import remove_connections
from realtime_core.telemetry.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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
class Janitor:
    """Does the scheduled work on connections.

    `clock` is the time of day in epoch seconds; `timer` counts a run's seconds.
    """

    schedule: Schedule
    connections: Connections
    subscriptions: Subscriptions
    poster: ManagementApi
    probe_seconds: int = PROBE_SECONDS
    clock: Callable[[], float] = time.time
    timer: Callable[[], float] = time.monotonic

    def run(self, seconds: float, report: RunReport | None = None) -> RunReport:
        """Do what is due, page by page, starting no page after `seconds`.

        Counts a failure in the report instead of raising.
        """
        deadline, report = self.timer() + seconds, report or RunReport()
        # Count first: a record that moves during the count may be counted twice.
        report.connections = self._count()
        try:
            for page in self.schedule.due(int(self.clock())):
                if self.timer() >= deadline:
                    report.finished = False
                    break
                self._process(page, report)
        except StoreUnavailable:
            report.failures += 1
            log.exception("upkeep_failed", duty="look")
        return report

    def _count(self) -> int | None:
        try:
            return self.schedule.count()
        except StoreUnavailable:
            log.exception("upkeep_failed", duty="count")
            return None

    def _process(self, page: Sequence[ScheduledConnection], report: RunReport) -> None:
        """Do what is due for each record of a page; a failure in one kind of work leaves the others alone."""
        now = int(self.clock())
        overdue = (now - record.due_at for record in page if record.due_at != REFRESHED)
        report.lag_seconds = max(report.lag_seconds, *overdue, 0)

        due: defaultdict[WorkKind, list[ScheduledConnection]] = defaultdict(list)
        for record in page:
            due[due_work(record, now).kind].append(record)
        work: dict[WorkKind, Callable[[list[ScheduledConnection], int, RunReport], None]] = {
            "close": self._close,
            "notify": self._notify,
            "remove": self._remove_outlived,
            "probe": self._probe,
            "check": self._reschedule,
        }
        for kind, records in due.items():
            try:
                work[kind](records, now, report)
            except StoreUnavailable:
                report.failures += 1
                log.exception("upkeep_failed", duty=kind, count=len(records))

    def _close(self, expired: list[ScheduledConnection], now: int, report: RunReport) -> None:
        """Close the connections whose token has expired. The claim excludes a refresh in between."""
        claimed = self._claim(expired, now + LEASE_SECONDS, ending=True)
        ids = [record.connection_id for record in claimed]
        gone = self.poster.close(ids)
        # One that has not opened yet is closed when the claim ends.
        left = set(gone) - _ended(claimed, gone, now)
        ids = [connection_id for connection_id in ids if connection_id not in left]
        self._remove(ids)
        report.closed += len(ids)

    def _notify(self, records: list[ScheduledConnection], now: int, report: RunReport) -> None:
        """Send the notices that are due. What was not sent stays due."""
        until = now + LEASE_SECONDS
        claimed = self._claim(records, until)
        sent = send_notices(claimed, now, self.poster, POST_BUDGET_SECONDS)
        report.warned += len(sent.warned)
        report.handed_over += len(sent.handed_over)
        ended = _ended(claimed, sent.gone, now)
        report.gone += self._remove(ended)

        def settle(record: ScheduledConnection) -> bool:
            """Store what was sent. Returns whether that was everything that was due."""
            warned = record.connection_id in sent.warned
            handed_over = record.connection_id in sent.handed_over
            settled = reschedule(record, now, self.probe_seconds, warned=warned, handed_over=handed_over)
            self.schedule.settle(until, settled)
            return settled.due_at > now

        present = [record for record in claimed if record.connection_id not in ended]
        report.postponed += map_concurrently(settle, present).count(False)

    def _probe(self, records: list[ScheduledConnection], now: int, report: RunReport) -> None:
        """Probe connections that were silent. No claim is needed: a second probe does no harm."""
        probes = self.poster.probe([record.connection_id for record in records], POST_BUDGET_SECONDS)
        alive = set(probes.alive)
        self._reschedule([record for record in records if record.connection_id in alive], now, report)
        report.probed += len(alive)
        ended = _ended(records, probes.gone, now)
        report.gone += self._remove(ended)
        report.postponed += len(probes.unknown) + len(probes.gone) - len(ended)

    def _reschedule(self, present: list[ScheduledConnection], now: int, _report: RunReport) -> None:
        """Set when connections that are known to be present are due next."""
        map_concurrently(
            lambda record: self.schedule.settle(record.due_at, reschedule(record, now, self.probe_seconds)),
            present,
        )

    def _remove_outlived(self, records: list[ScheduledConnection], _now: int, report: RunReport) -> None:
        report.outlived += self._remove(record.connection_id for record in records)

    def _claim(
        self, records: list[ScheduledConnection], until: int, *, ending: bool = False
    ) -> list[ScheduledConnection]:
        """Claim records. Returns those that no other run has, and that have not changed since the read."""
        granted = map_concurrently(lambda record: self.schedule.claim(record, until, ending=ending), records)
        return [record for record, claimed in zip(records, granted, strict=True) if claimed]

    def _remove(self, connection_ids: Iterable[str]) -> int:
        """Remove connections with their memberships. Returns how many there were."""
        return sum(
            map_concurrently(
                lambda batch: remove_connections(batch, self.connections, self.subscriptions),
                batches(list(connection_ids), REMOVE_TOGETHER),
            )
        )


def _ended(records: Iterable[ScheduledConnection], gone: Iterable[str], now: int) -> set[str]:
    """The ids among `gone` (410) of connections that have ended; the others may not have opened yet."""
    may_open = {record.connection_id for record in records if is_opening(record.connected_at, now)}
    return set(gone) - may_open
