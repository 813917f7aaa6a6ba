"""Plans events for audiences that are too large to hold in memory: by windows, over several attempts."""

from __future__ import annotations

import math
import time
from contextlib import closing
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from broadcast.fan_out import job_of
from realtime_core.errors import StoreUnavailable
from realtime_core.history.base import Planning, new_tracking_id
from realtime_core.push.planning import split_job
from realtime_core.telemetry.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from broadcast.fan_out import OutgoingEvent
    from broadcast.subscribers import Subscribers
    from realtime_core.history.base import Admission, PublishClaim
    from realtime_core.push.base import Deliveries
    from realtime_core.subscriptions.base import Group

log = get_logger(__name__)

NO_DEADLINE = math.inf


class Planned(NamedTuple):
    """What is queued of an event, by this attempt and those before it."""

    recipients: int
    is_whole: bool
    """Whether that is all of its audience."""


class LargeAudiences:
    """Plans on ports. `clock` returns seconds for deadlines, `now` epoch seconds.

    What is queued is noted with the event's claim after each window. So an attempt that runs out of time
    leaves the rest to the next one, and nobody's chunk is queued twice. What an attempt that is killed has
    queued since its last note is queued again, a window at most.
    """

    def __init__(
        self,
        subscribers: Subscribers,
        deliveries: Deliveries,
        admission: Admission,
        now: Callable[[], float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._subscribers, self._deliveries, self._admission = subscribers, deliveries, admission
        self._now, self._clock = now, clock

    def plan(
        self, event: OutgoingEvent, groups: Mapping[str, Sequence[Group]], deadline: float = NO_DEADLINE
    ) -> Planned:
        """Queue the rest of an event's audience, or as much as there is time for: at least one window.

        Raises StoreUnavailable; another attempt goes on from the last note.
        """
        planning = event.claim.planning or self._begin(event.claim)
        now = int(self._now())
        audience = self._subscribers.audience(groups, began_ms=planning.began_ms, now=now, clock=self._clock)
        with closing(audience.windows(planning.place, deadline)) as windows:
            for window in windows:
                planning = self._queue(event, window.connection_ids, planning)._replace(place=window.place)
                is_paused = window.wants_pause or self._clock() > deadline
                self._note(event.claim, planning, is_needed=is_paused)
                if is_paused:
                    log.info("planning_paused", eventId=event.claim.event_id, recipients=planning.recipients)
                    return Planned(planning.recipients, is_whole=False)

        self._expect(planning, event.claim)
        self._subscribers.spread(chain.from_iterable(groups.values()), audience.sizes, now)
        return Planned(planning.recipients, is_whole=True)

    def _begin(self, claim: PublishClaim) -> Planning:
        now_ms = int(self._now() * 1000)
        assert claim.position is not None, "an event with an audience has a topic"  # noqa: S101
        return Planning(new_tracking_id(claim.position, now_ms), now_ms)

    def _queue(self, event: OutgoingEvent, connection_ids: Sequence[str], planning: Planning) -> Planning:
        if not connection_ids:
            return planning
        jobs = [
            job._replace(chunk=planning.chunks + job.chunk)
            for job in split_job(job_of([event], connection_ids, {}, planning.tracking_id))
        ]
        self._deliveries.send(jobs)
        return planning._replace(
            chunks=planning.chunks + len(jobs), recipients=planning.recipients + len(connection_ids)
        )

    def _note(self, claim: PublishClaim, planning: Planning, *, is_needed: bool) -> None:
        try:
            self._admission.note_planning(claim, planning)
        except StoreUnavailable:
            if is_needed:
                raise
            log.exception("planning_not_noted", eventId=claim.event_id)

    def _expect(self, planning: Planning, claim: PublishClaim) -> None:
        if not planning.chunks:
            return
        try:
            self._admission.expect_chunks(planning.tracking_id, planning.chunks, [claim])
        except StoreUnavailable:
            # The event stays in flight until it expires; until then a resume reads more than it needs.
            log.exception("chunks_not_expected", trackingId=planning.tracking_id)
