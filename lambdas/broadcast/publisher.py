"""Publishes events: admit them, match them by distinct filter, read the members, then post or queue."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from broadcast.attempt import Attempt, Claimed
from broadcast.fan_out import OutgoingEvent, PlannedJob, plan_jobs
from broadcast.large_audiences import NO_DEADLINE, LargeAudiences
from realtime_core.concurrency import map_concurrently
from realtime_core.errors import StoreUnavailable
from realtime_core.history.base import Finished, NewEvent, encode_event, new_tracking_id
from realtime_core.lifetimes import is_expired
from realtime_core.telemetry.logs import get_logger
from realtime_core.telemetry.metric_catalog import EVENTS_PUBLISHED
from realtime_core.telemetry.metrics import add
from realtime_core.wire.events import event_frame
from realtime_core.wire.strict_json import dumps, loads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from broadcast.forwarding import Forwarding
    from broadcast.inboxes import Inboxes
    from broadcast.subscribers import Subscribers
    from realtime_core.history.base import Admission, PublishClaim
    from realtime_core.push.base import Deliveries
    from realtime_core.push.pusher import Pusher
    from realtime_core.wire.events import Event
    from realtime_core.wire.forwarded import Origin

log = get_logger(__name__)

DIRECT_BUDGET_SECONDS = 10.0
"""How long a small audience is posted to from here; the queue takes over what is left by then."""


class Submission(NamedTuple):
    """An event to publish, and the id under which it is published once."""

    event: Event
    event_id: str
    origin: Origin | None = None
    """Where another Region's event was accepted first: it is not forwarded again."""


Result = dict[str, Any] | Exception
"""The body of the answer, or why the event is not out: another attempt may publish it."""


class Publisher:
    """Publishes events on ports.

    `direct_max` is the largest audience that is posted to without the queue; `forwarding` hands what is
    accepted here to other Regions, if there are any.
    """

    def __init__(
        self,
        *,
        subscribers: Subscribers,
        inboxes: Inboxes,
        admission: Admission,
        deliveries: Deliveries,
        pusher: Pusher,
        direct_max: int,
        now: Callable[[], float],
        forwarding: Forwarding | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._subscribers = subscribers
        self._inboxes = inboxes
        self._admission = admission
        self._deliveries = deliveries
        self._pusher = pusher
        self._direct_max = direct_max
        self._now = now
        self._forwarding = forwarding
        self._clock = clock
        self._large = LargeAudiences(subscribers, deliveries, admission, now, clock)

    def publish(
        self, event: Event, event_id: str, origin: Origin | None = None, *, deadline: float = NO_DEADLINE
    ) -> dict[str, Any]:
        """Publish an event, once for each event id. Returns the answer's body, the same for every repeat.

        An event that another Region forwarded has its `origin` there. A large audience is planned until
        `deadline`, by `clock`; if it has `more` then, publish the event again to go on. Raises
        StoreUnavailable if it could not be stored, planned, queued or forwarded; the next attempt resumes
        there.
        """
        result = self._publish_together([Submission(event, event_id, origin)], deadline)[event_id]
        if isinstance(result, Exception):
            raise result
        return result

    def publish_all(self, submissions: Sequence[Submission], deadline: float = NO_DEADLINE) -> list[Result]:
        """Publish events together; returns the result of each, which is that of `publish`.

        Of several with one id the first is published, and the others are repeats of it.
        """
        by_id: dict[str, Submission] = {}
        for item in submissions:
            by_id.setdefault(item.event_id, item)
        distinct = list(by_id.values())
        try:
            results = self._publish_together(distinct, deadline)
        except Exception as error:
            log.exception("publishing_failed", events=len(distinct))
            if len(distinct) == 1:
                results = {distinct[0].event_id: error}
            else:
                # A fault of ours that one of them may cause: it shall harm no other.
                results = {item.event_id: self.publish_all([item], deadline)[0] for item in distinct}
        for event_id, result in results.items():
            if isinstance(result, Exception):
                reason = f"{type(result).__name__}: {result}"
                log.error("publish_failed", correlationId=event_id, eventId=event_id, reason=reason)
        return [results[item.event_id] for item in submissions]

    def _publish_together(self, submissions: Sequence[Submission], deadline: float) -> dict[str, Result]:
        """The results by event id. Raises what is a fault of ours; then nothing of them is claimed."""
        now_ms = int(self._now() * 1000)
        new = [
            NewEvent(
                event_id,
                encode_event(event, event_id) if event.recipients is None else None,
                event.expires_at,
            )
            for event, event_id, _ in submissions
        ]
        results: dict[str, Result] = {}
        claimed: list[Claimed] = []
        for item, claim in zip(submissions, self._admission.claim_all(new, now_ms), strict=True):
            if isinstance(claim, StoreUnavailable):
                results[item.event_id] = claim
            elif claim.answer is not None:
                log.info("published_before", eventId=item.event_id)
                results[item.event_id] = dict(loads(claim.answer))
            else:
                claimed.append(Claimed(item.event, claim, item.origin))
        if not claimed:
            return results

        attempt = Attempt(claimed)
        try:
            self._prepare(attempt)
            self._send(attempt, now_ms)
            self._plan_large(attempt, deadline)
            self._forward(attempt)
        except Exception:
            self._release(item.claim for item in claimed)
            raise
        return results | self._finish(attempt)

    def _prepare(self, attempt: Attempt) -> None:
        """Find who is due which event, and store notifications; what fails is noted as failed.

        Nobody is due an event that has expired, and no inbox gets it.
        """
        now = int(self._now())
        of_topics = {
            index: item.event
            for index, item in enumerate(attempt.claimed)
            if item.event.recipients is None and not is_expired(item.event.expires_at, now)
        }
        if of_topics:
            try:
                begun = [index for index in of_topics if attempt.claimed[index].claim.planning is not None]
                due = self._subscribers.due(of_topics, now, begun)
            except StoreUnavailable as error:
                attempt.failed.update(dict.fromkeys(of_topics, error))
            else:
                attempt.due.update(due.connections)
                attempt.large = due.large

        for index, (event, claim, origin) in enumerate(attempt.claimed):
            if event.recipients is None or is_expired(event.expires_at, now):
                frame = event_frame(
                    event, event_id=claim.event_id, now=claim.at_ms // 1000, position=claim.position
                )
                attempt.outgoing.append(OutgoingEvent(claim, frame, "deal", expires_at=event.expires_at))
                continue

            accepted_at_ms = claim.at_ms if origin is None else origin.accepted_at_ms
            notified = self._inboxes.notify(event, claim.event_id, accepted_at_ms, now)
            attempt.outgoing.append(
                OutgoingEvent(claim, notified.frame, "notification", notified.user_ids, event.expires_at)
            )
            attempt.opening.update(notified.opening)
            for connection_id in notified.connection_ids:
                attempt.due[connection_id] = attempt.due.get(connection_id, 0) | 1 << index
            if notified.unstored is not None:
                attempt.failed[index] = notified.unstored

    def _send(self, attempt: Attempt, now_ms: int) -> None:
        """Post to small audiences, and queue large ones; users who are to be looked up are queued.

        A connection that is due an event for many as well gets all of its events by the queue, in one post.
        Where the request budget has no room for the posts just now, all are queued.
        """
        positions = [item.claim.position for item in attempt.claimed if item.claim.position is not None]
        tracking_id = new_tracking_id(min(positions), now_ms) if positions else None
        jobs = plan_jobs(attempt.outgoing, attempt.due, attempt.opening, tracking_id)

        audiences = attempt.audiences(jobs)
        direct = [
            item
            for item in jobs
            if not item.job.user_ids and all(audiences[index] <= self._direct_max for index in item.events)
        ]
        if not self._pusher.admits(sum(len(job.connection_ids) for job, _ in direct)):
            direct = []
        chosen = {item.job.chunk for item in direct}
        queued = [item for item in jobs if item.job.chunk not in chosen]

        waiting = self._queue(attempt, queued) if queued else []
        if direct:
            waiting = waiting + self._post(attempt, direct)
        self._expect(attempt, waiting)

    def _queue(self, attempt: Attempt, jobs: list[PlannedJob]) -> list[PlannedJob]:
        """Queue jobs; returns those that are on the queue."""
        try:
            self._deliveries.send([job for job, _ in jobs])
        except StoreUnavailable as error:
            attempt.fail(jobs, error)
            return []
        attempt.count_queued(jobs)
        return jobs

    def _post(self, attempt: Attempt, jobs: Sequence[PlannedJob]) -> list[PlannedJob]:
        """Post jobs; returns those of which something was left, which is on the queue then."""
        left: list[PlannedJob] = []
        pushed = self._pusher.push_all([job for job, _ in jobs], DIRECT_BUDGET_SECONDS)
        for item, result in zip(jobs, pushed, strict=True):
            if result is None:
                attempt.fail([item], StoreUnavailable("what was not posted could not be queued"))
                continue
            for index in item.events:
                attempt.delivered[index] += result.delivered
                attempt.queued[index] += result.queued
            if result.queued:
                left.append(item)
        return left

    def _plan_large(self, attempt: Attempt, deadline: float) -> None:
        """Queue events for large audiences, one after the other, as far as there is time."""
        for turn, (index, groups) in enumerate(attempt.large.items()):
            if turn and self._clock() > deadline:
                attempt.paused.add(index)
                continue
            try:
                planned = self._large.plan(attempt.outgoing[index], groups, deadline)
            except StoreUnavailable as error:
                attempt.failed[index] = error
                continue
            attempt.queued[index] = planned.recipients
            if not planned.is_whole:
                attempt.paused.add(index)

    def _forward(self, attempt: Attempt) -> None:
        """Hand the events to other Regions.

        After the push, which is not to wait for it, and before the answer, which promises it.
        """
        forwarding = self._forwarding
        if forwarding is None:
            return
        accepted_here = [
            index
            for index, item in enumerate(attempt.claimed)
            if item.origin is None and index not in attempt.failed and index not in attempt.paused
        ]

        def forward(index: int) -> None:
            event, claim, _ = attempt.claimed[index]
            try:
                forwarding.forward(event, claim)
            except StoreUnavailable as error:
                attempt.failed[index] = error

        map_concurrently(forward, accepted_here)

    def _expect(self, attempt: Attempt, jobs: Sequence[PlannedJob]) -> None:
        """Record how many chunks on the queue settle the events of topics that are in them.

        An event that has failed is none of them: the next attempt plans it again.
        """
        tracked = [
            item
            for item in jobs
            if item.job.tracking_id is not None and not attempt.failed.keys() >= set(item.events)
        ]
        indexes = {index for item in tracked for index in item.events} - attempt.failed.keys()
        claims = [attempt.claimed[index].claim for index in sorted(indexes)]
        of_topics = [claim for claim in claims if claim.position is not None]
        if not of_topics:
            return

        tracking_id = tracked[0].job.tracking_id
        assert tracking_id is not None, "they are tracked"  # noqa: S101
        try:
            self._admission.expect_chunks(tracking_id, len(tracked), of_topics)
        except StoreUnavailable:
            # The events stay in flight until they expire; until then a resume reads more than it needs.
            log.exception("chunks_not_expected", trackingId=tracking_id)

    def _finish(self, attempt: Attempt) -> dict[str, Result]:
        """Give up the claims of what failed or goes on later, and store the answers of what is out.

        If an answer is not stored, a repeat is pushed again, with the same id.
        """
        results: dict[str, Result] = {}
        finished: list[Finished] = []
        for index, (_, claim, _) in enumerate(attempt.claimed):
            if index in attempt.failed:
                results[claim.event_id] = attempt.failed[index]
                continue
            body = attempt.body(index)
            results[claim.event_id] = body
            if index in attempt.paused:
                continue
            finished.append(Finished(claim, dumps(body), in_flight=attempt.queued[index] > 0))

        self._release(attempt.claimed[index].claim for index in (*attempt.failed, *attempt.paused))
        try:
            self._admission.finish_all(finished)
        except StoreUnavailable:
            log.exception("answers_not_stored", events=len(finished))
        for claim, answer, _ in finished:
            log.info("published", **{"correlationId": claim.event_id, **loads(answer)})
        if finished:
            add(EVENTS_PUBLISHED, len(finished))
        return results

    def _release(self, claims: Iterable[PublishClaim]) -> None:
        with suppress(StoreUnavailable):
            self._admission.release_all(list(claims))
