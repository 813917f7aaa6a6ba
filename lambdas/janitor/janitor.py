"""One run: looks at every connection that is due, and does what is due for it.

Two runs may overlap, and a run may end anywhere. A connection that is sent something, or closed, is claimed
before, so that no two runs do it, and what a run leaves undone is due again when its claim ends.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from janitor.tally import Tally
from janitor.telling import tell
from realtime_core.concurrency import batched, map_concurrently
from realtime_core.connections.schedule import (
    LEASE_SECONDS,
    PROBE_SECONDS,
    REFRESHED,
    due_work,
    reschedule,
)
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
"""For the posts or the probes of one page; what is left by then is due again at the next run."""
REMOVE_TOGETHER = 10
"""Records that one worker removes one by one, and their memberships in batches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Janitor:
    """Tends the connections. `clock` is the time of day in epoch seconds; `timer` counts a run's seconds."""

    upkeep: Schedule
    connections: Connections
    subscriptions: Subscriptions
    poster: ManagementApi
    probe_seconds: int = PROBE_SECONDS
    clock: Callable[[], float] = time.time
    timer: Callable[[], float] = time.monotonic

    def run(self, seconds: float, tally: Tally | None = None) -> Tally:
        """Do what is due, page by page, beginning no page after `seconds`. A fault is counted, not raised."""
        deadline, tally = self.timer() + seconds, tally or Tally()
        # Before anything is moved: what moves while it is counted may be counted twice.
        tally.connections = self._count()
        try:
            for page in self.upkeep.due(int(self.clock())):
                if self.timer() >= deadline:
                    tally.finished = False
                    break
                self._tend(page, tally)
        except StoreUnavailable:
            tally.failures += 1
            log.exception("upkeep_failed", duty="check")
        return tally

    def _count(self) -> int | None:
        try:
            return self.upkeep.count()
        except StoreUnavailable:
            log.exception("upkeep_failed", duty="count")
            return None

    def _tend(self, page: Sequence[ScheduledConnection], tally: Tally) -> None:
        """Do what is due for each record of a page; a fault in one kind of work leaves the others alone."""
        now = int(self.clock())
        overdue = (now - record.due_at for record in page if record.due_at != REFRESHED)
        tally.lag_seconds = max(tally.lag_seconds, *overdue, 0)
        due: defaultdict[WorkKind, list[ScheduledConnection]] = defaultdict(list)
        for record in page:
            due[due_work(record, now).kind].append(record)
        work: dict[WorkKind, Callable[[list[ScheduledConnection], int, Tally], None]] = {
            "close": self._close,
            "notify": self._tell,
            "remove": self._remove_outlived,
            "probe": self._probe,
            "check": self._look,
        }
        for kind, records in due.items():
            try:
                work[kind](records, now, tally)
            except StoreUnavailable:
                tally.failures += 1
                log.exception("upkeep_failed", duty=kind, count=len(records))

    def _close(self, expired: list[ScheduledConnection], now: int, tally: Tally) -> None:
        """Close the connections whose token has run out. The claim keeps a refresh from coming in between."""
        ids = [one.connection_id for one in self._claimed(expired, now + LEASE_SECONDS, ending=True)]
        self.poster.close(ids)
        self._remove(ids)
        tally.closed += len(ids)

    def _tell(self, records: list[ScheduledConnection], now: int, tally: Tally) -> None:
        """Send the frames that are due. What was not sent stays due, by `after`."""
        until = now + LEASE_SECONDS
        claimed = self._claimed(records, until)
        told = tell(claimed, now, self.poster, POST_BUDGET_SECONDS)
        tally.warned += len(told.warned)
        tally.handed_over += len(told.handed_over)
        tally.gone += self._remove(told.gone)

        def settle(record: ScheduledConnection) -> bool:
            """Whether everything that was due was sent."""
            warned, handed_over = (record.connection_id in who for who in (told.warned, told.handed_over))
            done = reschedule(record, now, self.probe_seconds, warned=warned, handed_over=handed_over)
            self.upkeep.settle(until, done)
            return done.due_at > now

        there = [one for one in claimed if one.connection_id not in told.gone]
        tally.postponed += map_concurrently(settle, there).count(False)

    def _probe(self, records: list[ScheduledConnection], now: int, tally: Tally) -> None:
        """Ask for the connections that nothing was heard of; that two runs ask does no harm."""
        report = self.poster.probe([one.connection_id for one in records], POST_BUDGET_SECONDS)
        alive = set(report.alive)
        self._look([one for one in records if one.connection_id in alive], now, tally)
        tally.probed += len(alive)
        tally.gone += self._remove(report.gone)
        tally.postponed += len(report.unknown)

    def _look(self, there: list[ScheduledConnection], now: int, _tally: Tally) -> None:
        """Say when to look again at connections that are known to be there."""
        map_concurrently(
            lambda one: self.upkeep.settle(one.due_at, reschedule(one, now, self.probe_seconds)), there
        )

    def _remove_outlived(self, records: list[ScheduledConnection], _now: int, tally: Tally) -> None:
        tally.outlived += self._remove(one.connection_id for one in records)

    def _claimed(
        self, records: list[ScheduledConnection], until: int, *, ending: bool = False
    ) -> list[ScheduledConnection]:
        """Those of the records that nobody else has, and that did not change since they were read."""
        granted = map_concurrently(lambda one: self.upkeep.claim(one, until, ending=ending), records)
        return [one for one, mine in zip(records, granted, strict=True) if mine]

    def _remove(self, connection_ids: Iterable[str]) -> int:
        """Remove records with their memberships; how many there were."""
        return sum(
            map_concurrently(
                lambda portion: remove_connections(portion, self.connections, self.subscriptions),
                batched(list(connection_ids), REMOVE_TOGETHER),
            )
        )
