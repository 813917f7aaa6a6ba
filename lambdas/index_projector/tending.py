"""What is done each minute: see that the index is there, keeps up, and is right."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from index_projector.checking import TOPIC_SECONDS
from index_projector.membership import membership
from index_projector.projector import Changes
from index_projector.tally import Tally
from realtime_core.errors import StoreUnavailable
from realtime_core.redis.errors import RedisFault
from realtime_core.redis.health import Health
from realtime_core.subscriptions.pending_changes import BEHIND_SECONDS
from realtime_core.subscriptions.redis_keys import FORMAT
from realtime_core.telemetry.logs import get_logger

if TYPE_CHECKING:
    from index_projector.building import Builder
    from index_projector.checking import Checker
    from index_projector.index import Index, Meta, Server
    from index_projector.projector import Projector
    from realtime_core.redis.health import HealthRecord
    from realtime_core.subscriptions.pending_changes import DynamoPendingChanges, PendingChanges

log = get_logger(__name__)

SAMPLE_GROUPS = 20
ABANDONED_SECONDS = 12 * 60 * 60
"""Outside limit: the stream keeps records for 24 hours. Where Redis was away for half of that, build anew."""
LATE_SECONDS = 10
"""The stream takes a second or two. What has waited for longer is not left to it alone: a batch that failed
may wait long for its next try, and a record may be lost for good."""
LATE_MOST = 1_000
"""Changes that one run makes up for; the stream goes on with the rest."""
SKEW_SECONDS = 60
"""Clocks differ by less."""
NOEVICTION = "noeviction"


class Tender:
    """Tends the index."""

    def __init__(
        self,
        index: Index,
        builder: Builder,
        checker: Checker,
        projector: Projector,
        *,
        pending: DynamoPendingChanges,
        health: HealthRecord,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._index, self._builder, self._checker, self._projector = index, builder, checker, projector
        self._pending, self._health, self._now = pending, health, now

    def run(self, seconds: float) -> Tally:
        """Do what is due, within a time. That Redis is down is told, not raised."""
        tally = Tally()
        now = int(self._now())
        try:
            overlay = self._pending.read(now, whole=True)
            tally.lag_seconds, tally.pending = round(overlay.age(now)), len(overlay.items)
            self._tend(overlay, tally, seconds)
        except StoreUnavailable as fault:
            tally.down(fault.reason if isinstance(fault, RedisFault) else "table")
            tally.failures += 1
            log.exception("tending_failed", reason=tally.reason)
        self._report(tally)
        return tally

    def _tend(self, overlay: PendingChanges, tally: Tally, seconds: float) -> None:
        server = self._index.server()
        if server.policy != NOEVICTION:
            log.warning("redis_may_evict", policy=server.policy, remedy="set maxmemory-policy to noeviction")
        meta = self._index.meta()
        if reason := self._needs_building(meta, server):
            log.warning("index_not_usable", reason=reason, state=meta.state)
            built = self._builder.build(seconds)
            tally.built, meta = built, self._index.meta()
        tally.state = meta.state or "missing"
        if meta.state != "ready":
            tally.down(tally.built.reason if tally.built else "not_ready")
            return
        now = int(self._now())
        if not self._index.tend(meta.epoch, now):
            tally.down("changed")
            return
        left = self._catch_up(overlay, meta)
        topics = self._index.topics()
        tally.repairs += self._checker.check_topics(meta.epoch, topics, TOPIC_SECONDS)
        sample = self._checker.sample(SAMPLE_GROUPS)
        if sample:
            tally.trimmed = self._index.trim(sample, now - SKEW_SECONDS)
        found = self._checker.check(sample, repair=True)
        tally.checked, tally.repairs = found.shards, tally.repairs + len(found.wrong)
        if left.age(now) > BEHIND_SECONDS:
            tally.down("behind")

    def _needs_building(self, meta: Meta, server: Server) -> str | None:
        """Why the index cannot be believed; None where it can."""
        if meta.state != "ready":
            return meta.state or "missing"
        if meta.format != FORMAT:
            return "format"
        if meta.server != server.identity:
            return "other_server"
        if self._now() - meta.tended_at > ABANDONED_SECONDS:
            return "abandoned"
        return None

    def _catch_up(self, overlay: PendingChanges, meta: Meta) -> PendingChanges:
        """Apply what has waited for so long that its records may be gone from the stream; what is left.

        What was pending before the index was built is in it: the building read the table later than that.
        """
        late = sorted(
            (one for one in overlay.items if one.at < self._now() - LATE_SECONDS), key=lambda one: one.at
        )
        built_at = meta.started_at - SKEW_SECONDS
        old = [one for number, one in enumerate(late) if number < LATE_MOST or one.at < built_at]
        named = [membership(pk, one.connection_id) for one in old for pk in one.partitions]
        self._projector.apply(Changes(memberships=named, pending=old))
        if made_up := sum(one.at >= built_at for one in old):
            log.warning("stream_made_up_for", changes=made_up)
        done = frozenset(old)
        return overlay._replace(items=tuple(one for one in overlay.items if one not in done))

    def _report(self, tally: Tally) -> None:
        try:
            self._health.report(Health("down" if tally.reason else "up", int(self._now())))
        except StoreUnavailable:
            log.exception("health_not_reported")
            tally.failures += 1
