"""The maintenance of each minute: the index must exist, keep up with the table, and be right."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from index_projector.membership import parse_membership
from index_projector.projector import Changes
from index_projector.run_report import RunReport
from index_projector.verification import TOPIC_SECONDS
from realtime_core.errors import StoreUnavailable
from realtime_core.redis.errors import RedisFault
from realtime_core.redis.health import Health
from realtime_core.subscriptions.pending_changes import BEHIND_SECONDS
from realtime_core.subscriptions.redis_keys import FORMAT
from realtime_core.telemetry.logs import get_logger

if TYPE_CHECKING:
    from index_projector.index import Index, Meta, Server
    from index_projector.projector import Projector
    from index_projector.rebuild import Rebuild
    from index_projector.verification import Verification
    from realtime_core.redis.health import HealthRecord
    from realtime_core.subscriptions.pending_changes import DynamoPendingChanges, PendingChanges

log = get_logger(__name__)

SAMPLE_GROUPS = 20
ABANDONED_SECONDS = 12 * 60 * 60
"""Outside limit: the stream keeps records for 24 hours. If Redis was away for half of that, rebuild."""
LATE_SECONDS = 10
"""The stream takes a second or two. Maintenance applies changes that have waited for longer: a batch that
failed may wait long for its next attempt, and a record may be lost for good."""
LATE_CHANGES_MAX = 1_000
"""Late changes that one run applies; the rest is left to the stream."""
SKEW_SECONDS = 60
"""Upper bound of the difference between two clocks."""
NOEVICTION = "noeviction"


class Maintenance:
    """Maintains the index. `now` is the time of day in epoch seconds."""

    def __init__(
        self,
        index: Index,
        rebuild: Rebuild,
        verification: Verification,
        projector: Projector,
        *,
        pending: DynamoPendingChanges,
        health: HealthRecord,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._index, self._rebuild, self._verification = index, rebuild, verification
        self._projector, self._pending, self._health, self._now = projector, pending, health, now

    def run(self, seconds: float) -> RunReport:
        """Do what is due, within this time. Reports that Redis is down instead of raising."""
        report = RunReport()
        now = int(self._now())
        try:
            changes = self._pending.read(now, whole=True)
            report.lag_seconds, report.pending = round(changes.age(now)), len(changes.items)
            self._maintain(changes, report, seconds)
        except StoreUnavailable as fault:
            report.set_down(fault.reason if isinstance(fault, RedisFault) else "table")
            report.failures += 1
            log.exception("tending_failed", reason=report.reason)
        self._report_health(report)
        return report

    def _maintain(self, changes: PendingChanges, report: RunReport, seconds: float) -> None:
        server = self._index.server()
        if server.policy != NOEVICTION:
            log.warning("redis_may_evict", policy=server.policy, remedy="set maxmemory-policy to noeviction")

        meta = self._index.meta()
        if reason := self._reason_to_rebuild(meta, server):
            log.warning("index_not_usable", reason=reason, state=meta.state)
            report.rebuild = self._rebuild.run(seconds)
            meta = self._index.meta()
        report.state = meta.state or "missing"
        if meta.state != "ready":
            report.set_down(report.rebuild.reason if report.rebuild else "not_ready")
            return

        # Readers trust an index only for five minutes after this.
        now = int(self._now())
        if not self._index.mark_maintained(meta.epoch, now):
            report.set_down("changed")
            return

        left = self._apply_late_changes(changes, meta)

        topics = self._index.topics()
        report.repairs += self._verification.verify_topics(meta.epoch, topics, TOPIC_SECONDS)
        sample = self._verification.sample_shards(SAMPLE_GROUPS)
        if sample:
            report.trimmed = self._index.trim(sample, now - SKEW_SECONDS)
        found = self._verification.verify(sample, repair=True)
        report.checked, report.repairs = found.shards, report.repairs + len(found.wrong)

        if left.age(now) > BEHIND_SECONDS:
            report.set_down("behind")

    def _reason_to_rebuild(self, meta: Meta, server: Server) -> str | None:
        """Why the index cannot be trusted; None if it can."""
        if meta.state != "ready":
            return meta.state or "missing"
        if meta.format != FORMAT:
            return "format"
        if meta.server != server.identity:
            return "other_server"
        if self._now() - meta.tended_at > ABANDONED_SECONDS:
            return "abandoned"
        return None

    def _apply_late_changes(self, changes: PendingChanges, meta: Meta) -> PendingChanges:
        """Apply changes that have waited so long that the stream may have lost them. Returns the rest.

        Changes older than the index are in it already, since the rebuild has read the table after them.
        """
        late = sorted(
            (change for change in changes.items if change.at < self._now() - LATE_SECONDS),
            key=lambda change: change.at,
        )
        built_at = meta.started_at - SKEW_SECONDS
        chosen = [
            change for number, change in enumerate(late) if number < LATE_CHANGES_MAX or change.at < built_at
        ]

        memberships = [
            parse_membership(pk, change.connection_id) for change in chosen for pk in change.partitions
        ]
        self._projector.apply(Changes(memberships=memberships, pending=chosen))
        if made_up := sum(change.at >= built_at for change in chosen):
            log.warning("stream_made_up_for", changes=made_up)

        applied = frozenset(chosen)
        return changes._replace(items=tuple(change for change in changes.items if change not in applied))

    def _report_health(self, report: RunReport) -> None:
        try:
            self._health.report(Health("down" if report.reason else "up", int(self._now())))
        except StoreUnavailable:
            log.exception("health_not_reported")
            report.failures += 1
