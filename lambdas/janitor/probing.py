"""Finds connections that were lost without a `$disconnect`, by asking API Gateway for each once an interval.

A run walks on through the index from where the last one stopped, at the pace that brings it round in an
interval. So a probe costs a request and a 50th of a read unit, and no write. To store for each connection
when to ask again, or when API Gateway says that it was last active, would cost three write units, which is
more than the request (docs/adr/0022-probes-walk-the-index.md).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from janitor.duties import POST_BUDGET_SECONDS, ended
from janitor.run_report import RunReport
from realtime_core.concurrency import map_concurrently
from realtime_core.connections.schedule import PROBE_SECONDS, Place, heard_at
from realtime_core.errors import StoreUnavailable
from realtime_core.telemetry.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from janitor.duties import Duties
    from janitor.leases import Progress
    from realtime_core.connections.schedule import Schedule
    from realtime_core.push.base import ManagementApi

log = get_logger(__name__)

PAGE = 200
"""Records that are read and probed together."""
AT_ONCE = 4
"""Pages that are under way at once: a page takes as long to probe as the request budget says, and meanwhile
the next ones are read."""


class Walk(NamedTuple):
    """How far a partition is walked through."""

    partition: int
    size: int
    """Records in the partition."""
    after: Place | None = None
    """Where the walk goes on; None at the beginning."""
    walked_until: float = 0.0
    """Until when (epoch seconds) the walk has kept the pace."""

    @classmethod
    def of(cls, partition: int, count: int | None, progress: Progress) -> Walk:
        """The walk of the noted progress. If the records could not be counted, the last count has to do."""
        after = None
        if "after_id" in progress:
            after = Place(int(progress["after_due"]), str(progress["after_id"]))
        if count is None:
            count = int(progress.get("count", PAGE))
        return cls(partition, count, after, int(progress.get("walked_until_ms", 0)) / 1000)

    def noted(self) -> dict[str, int | str]:
        """The progress to note."""
        noted: dict[str, int | str] = {"walked_until_ms": round(self.walked_until * 1000)}
        if self.after is not None:
            noted |= {"after_due": self.after.due_at, "after_id": self.after.connection_id}
        return noted

    def behind(self, now: float, interval: int) -> float:
        """By how many seconds the walk is behind, at most an interval: after that it starts again."""
        return min(max(0.0, now - self.walked_until), interval)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prober:
    """Probes connections of which nothing was heard for `probe_seconds`."""

    schedule: Schedule
    duties: Duties
    poster: ManagementApi
    timer: Callable[[], float]
    probe_seconds: int = PROBE_SECONDS

    def run(self, walks: Sequence[Walk], now: int, deadline: float, report: RunReport) -> list[Walk]:
        """Walk on, a page of each partition in turn, until all keep the pace or the deadline has come.

        Pages of several partitions are under way at once, so that a page is read while others are probed.
        Counts a failure in the report instead of raising. `deadline` is by the timer.
        """
        done: list[Walk] = []
        # What is furthest behind goes first, or the last ones would never have a turn where time is short.
        turns = deque((walk, self._quota(walk, now)) for walk in sorted(walks, key=_walked_until))
        while turns:
            together = [turns.popleft() for _ in range(min(AT_ONCE, len(turns)))]
            steps = map_concurrently(lambda turn: self._try_step(*turn, now, deadline), together, AT_ONCE)
            for walk, left, part in steps:
                report.add(part)
                if left > 0:
                    turns.append((walk, left))
                else:
                    done.append(walk)

        behind = (walk.behind(now, self.probe_seconds) for walk in done if walk.size)
        report.probe_lag_seconds = round(max(behind, default=0))
        return done

    def _quota(self, walk: Walk, now: int) -> int:
        """How many records the walk has to pass to keep the pace."""
        return int(walk.size * walk.behind(now, self.probe_seconds) / self.probe_seconds)

    def _try_step(self, walk: Walk, left: int, now: int, deadline: float) -> tuple[Walk, int, RunReport]:
        """Make the next step of a walk. Returns the walk after it, the rest of its quota, and the report.

        After a failure, and after the deadline, nothing is left of it in this run.
        """
        report = RunReport()
        if left <= 0 or self.timer() >= deadline:
            return walk, 0, report
        try:
            return *self._step(walk, left, now, report), report
        except StoreUnavailable:
            report.failures += 1
            log.exception("upkeep_failed", duty="probe", partition=walk.partition)
            return walk, 0, report

    def _step(self, walk: Walk, left: int, now: int, report: RunReport) -> tuple[Walk, int]:
        """Probe the silent ones of the next page. Returns the walk after it, and the rest of its quota."""
        records, end = self.schedule.walk(walk.partition, now, walk.after, min(PAGE, left))
        silent = [record for record in records if heard_at(record) <= now - self.probe_seconds]
        if silent:
            probes = self.poster.probe([record.connection_id for record in silent], POST_BUDGET_SECONDS)
            gone = ended(silent, probes.gone, now)
            report.probed += len(probes.alive)
            report.gone += self.duties.remove(gone)
            # The next round asks again: one that never answers must not stop the walk.
            report.postponed += len(probes.unknown) + len(probes.gone) - len(gone)

        gained = self.probe_seconds * len(records) / walk.size if walk.size else 0.0
        walked_until = now - walk.behind(now, self.probe_seconds) + gained
        left -= len(records)
        if end is None and walk.after is None:
            # All of the partition at once: the count has those too that are due, which no walk passes.
            left, walked_until = 0, now
        return walk._replace(after=end, walked_until=walked_until), left


def _walked_until(walk: Walk) -> float:
    return walk.walked_until
