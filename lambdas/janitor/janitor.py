"""One run: does what is due in the partitions of its share, then probes with what is left of its time.

Runs may overlap, and a run may die at any point: each holds a lease of a partition while it works on it, and
what it leaves undone is done by a later run.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, cast

from janitor.notice_pass import NoticePass
from janitor.probing import Prober, Walk
from janitor.run_report import RunReport
from janitor.share import WHOLE, Share
from realtime_core.concurrency import map_concurrently
from realtime_core.connections.schedule import place_of
from realtime_core.errors import StoreUnavailable
from realtime_core.telemetry.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from janitor.duties import Duties
    from janitor.leases import Lease, Leases, Progress
    from realtime_core.connections.schedule import Schedule

log = get_logger(__name__)

T = TypeVar("T")

LEASE_MARGIN_SECONDS = 10
"""How long a lease outlasts a run's time, for the pages that are in work when it is up. The next run comes
a minute after this one, and must not find the partitions of one that died still taken."""
SIDE_BY_SIDE = 4
"""Partitions worked on at once: while the posts of one page wait for their turn, others are settled."""
COUNT_LASTS_SECONDS = 300
"""How long the count of a partition by another run is as good as a new one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Janitor:
    """Does the scheduled work on connections.

    `clock` is the time of day in epoch seconds; `timer` counts a run's seconds.
    """

    schedule: Schedule
    leases: Leases
    duties: Duties
    prober: Prober
    clock: Callable[[], float] = time.time
    timer: Callable[[], float] = time.monotonic

    def run(self, seconds: float, holder: str, share: Share = WHOLE) -> RunReport:
        """Do what is due in the share, starting no page after `seconds`. `holder` is this run's id.

        Counts a failure in the report instead of raising.
        """
        deadline, report = self.timer() + seconds, RunReport()
        partitions = share.partitions(self.schedule.partitions)
        taken = self._take(partitions, holder, int(self.clock() + seconds) + LEASE_MARGIN_SECONDS, report)

        # Count first: a record that moves during the count may be counted twice.
        counts = self._for_each(list(taken), "count", self.schedule.count, report)
        notices: dict[int, NoticePass] = {}
        performed = map_concurrently(
            lambda number: self._perform(taken[number], number, deadline), list(taken), SIDE_BY_SIDE
        )
        for number, (part, passed) in zip(taken, performed, strict=True):
            notices[number] = passed
            report.add(part)
        walks = [Walk.of(number, counts.get(number), lease.progress) for number, lease in taken.items()]
        walks = self.prober.run(walks, int(self.clock()), deadline, report)

        self._give_back(taken, walks, notices, counts, report)
        if share.number == 0:
            report.connections = self._sum(counts)
        return report

    def _take(self, partitions: range, holder: str, until: int, report: RunReport) -> dict[int, Lease]:
        """Take the partitions that no other run has."""
        now = int(self.clock())
        results = self._for_each(
            partitions, "lease", lambda number: self.leases.take(_part(number), holder, now, until), report
        )
        report.left_to_others += list(results.values()).count(None)
        return {partition: lease for partition, lease in results.items() if lease is not None}

    def _for_each(
        self, partitions: Sequence[int], duty: str, call: Callable[[int], T], report: RunReport
    ) -> dict[int, T]:
        """Call with each partition, at once. Returns the results, without those of calls that failed."""
        failed: list[int] = []

        def attempt(partition: int) -> T | None:
            try:
                return call(partition)
            except StoreUnavailable:
                log.exception("upkeep_failed", duty=duty, partition=partition)
                failed.append(partition)
                return None

        results = zip(partitions, map_concurrently(attempt, partitions), strict=True)
        done = {partition: result for partition, result in results if partition not in failed}
        report.failures += bool(failed)
        return cast("dict[int, T]", done)

    def _perform(self, lease: Lease, partition: int, deadline: float) -> tuple[RunReport, NoticePass]:
        """Do what is due in a partition, page by page, until the deadline. Returns how far the notices are.

        Ends the pass that an earlier run began, then makes one of its own.
        """
        report = RunReport()
        notices = NoticePass.of(lease.progress, int(self.clock()))
        resumed = notices.place is not None
        ended, notices = self._pass(lease, partition, deadline, notices, report)
        if resumed and ended:
            _, notices = self._pass(lease, partition, deadline, notices, report)
        return report, notices

    def _pass(
        self, lease: Lease, partition: int, deadline: float, notices: NoticePass, report: RunReport
    ) -> tuple[bool, NoticePass]:
        """Make one pass, or the rest of it. Returns whether it came to the end, and how far the notices are.

        After a page whose notices failed, or a lease that was lost, it sends no more, and closes on.
        """
        now, sending = int(self.clock()), True
        try:
            for page in self.schedule.due(partition, now, notices.place):
                if self.timer() >= deadline:
                    report.finished = False
                    return False, notices
                part, done = self.duties.perform(page, int(self.clock()), notices.span if sending else None)
                report.add(part)
                sending = sending and done
                if sending:
                    notices = notices._replace(place=place_of(page[-1]))
                if sending and (part.warned or part.handed_over):
                    sending = self._note(lease, notices, report)
        except StoreUnavailable:
            report.failures += 1
            log.exception("upkeep_failed", duty="look", partition=partition)
            return False, notices
        return (True, notices.ended(now)) if sending else (False, notices)

    def _note(self, lease: Lease, notices: NoticePass, report: RunReport) -> bool:
        """Note how far the notices are sent. False if another run has the partition."""
        try:
            return self.leases.note(lease, {**lease.progress, **notices.noted()})
        except StoreUnavailable:
            report.failures += 1
            log.exception("upkeep_failed", duty="note", part=lease.part)
            return True

    def _give_back(
        self,
        taken: dict[int, Lease],
        walks: list[Walk],
        notices: dict[int, NoticePass],
        counts: dict[int, int],
        report: RunReport,
    ) -> None:
        """Give the partitions back, and note their counts, and how far their notices and the walk are."""
        now = int(self.clock())
        noted: dict[int, Progress] = {
            walk.partition: {**walk.noted(), **notices[walk.partition].noted()} for walk in walks
        }
        for partition, count in counts.items():
            noted[partition] = {**noted[partition], "count": count, "counted_at": now}
        self._for_each(
            list(taken), "lease", lambda number: self.leases.give_back(taken[number], noted[number]), report
        )

    def _sum(self, counted: dict[int, int]) -> int | None:
        """All connections: this run's counts, and recent ones of others. None if one is not known."""
        oldest = self.clock() - COUNT_LASTS_SECONDS

        def noted(partition: int) -> int | None:
            try:
                progress = self.leases.progress(_part(partition))
            except StoreUnavailable:
                return None
            known = "count" in progress and int(progress["counted_at"]) >= oldest
            return int(progress["count"]) if known else None

        others = [number for number in range(self.schedule.partitions) if number not in counted]
        counts = [*counted.values(), *map_concurrently(noted, others)]
        return None if None in counts else sum(count or 0 for count in counts)


def _part(partition: int) -> str:
    return f"due#{partition}"
