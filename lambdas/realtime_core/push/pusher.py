"""Posting a job and dealing with what came of it: the one way by which anything reaches a connection.

Whatever posts (a message to the other side, a small audience, a queued chunk) goes through `Pusher`, so that
gone connections are always removed with their memberships and what could not be sent is always queued.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from realtime_core.aws.backoff import jitter
from realtime_core.concurrency import batches, map_concurrently
from realtime_core.errors import StoreUnavailable
from realtime_core.push.base import PostReport
from realtime_core.push.planning import encode_job, frame_batches
from realtime_core.telemetry.logs import get_logger
from realtime_core.telemetry.metric_catalog import (
    CONNECTION_DURATION,
    DELIVERIES_DELIVERED,
    DELIVERIES_FAILED,
    DELIVERIES_GONE,
    DELIVERIES_RETRIED,
    DELIVERIES_THROTTLED,
    MESSAGE_LATENCY,
)
from realtime_core.telemetry.metrics import add

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from realtime_core.connections.base import Connections
    from realtime_core.history.base import History
    from realtime_core.push.base import DeadLetterQueue, Deliveries, DeliveryJob, ManagementApi
    from realtime_core.subscriptions.base import Subscriptions

log = get_logger(__name__)

ATTEMPTS_MAX = 8
"""Attempts, each with retries inside its time budget, before what is left becomes a dead letter."""
DELAY_SECONDS_MAX = 60
REMOVED_TOGETHER = 25
"""As many memberships as one batch of DynamoDB takes; a connection mostly has one."""
REMOVAL_SECONDS = 1.0
"""How long after its time budget a job may go on removing who is gone: an event finds them gone again, but a
function that runs out of time repeats everything that it delivered."""


class PushResult(NamedTuple):
    """How many connections of a job were reached, queued for another attempt, gone, or refused for good."""

    delivered: int = 0
    queued: int = 0
    gone: int = 0
    refused: int = 0
    answers_lost: int = 0
    """Attempts that may have reached a connection twice, and those that were throttled: see `PostReport`."""
    throttled: int = 0


def remove_connections(
    connection_ids: Iterable[str], connections: Connections, subscriptions: Subscriptions
) -> int:
    """Remove the records of connections that no longer exist and all their memberships; how many there were.

    Safe to repeat and to run twice at once: only the caller that deletes a record removes its memberships.
    """
    removed = [record for record in map(connections.remove, connection_ids) if record is not None]
    if removed:
        now = time.time()
        for record in removed:
            add(CONNECTION_DURATION, max(0, round(now - record.connected_at)))
        subscriptions.forget(removed)
    return len(removed)


class Pusher:
    """Posts jobs, removes gone connections, queues what is left.

    `history` is told when a chunk needs no further attempt. `undeliverable` keeps what `ATTEMPTS_MAX`
    attempts could not send. `jitter` returns a number in [0, 1).
    """

    def __init__(
        self,
        poster: ManagementApi,
        connections: Connections,
        subscriptions: Subscriptions,
        deliveries: Deliveries,
        *,
        history: History | None = None,
        undeliverable: DeadLetterQueue | None = None,
        jitter: Callable[[], float] = jitter,
    ) -> None:
        self._poster = poster
        self._connections = connections
        self._subscriptions = subscriptions
        self._deliveries = deliveries
        self._history = history
        self._undeliverable = undeliverable
        self._jitter = jitter

    def push(self, job: DeliveryJob, budget_seconds: float) -> PushResult:
        """Post a job within a time budget. Raises StoreUnavailable where what is left could not be queued."""
        if not job.connection_ids:
            return PushResult()
        deadline = time.monotonic() + budget_seconds
        report = self._post(job.payload, job.connection_ids, budget_seconds)
        try:
            return self._settle(job, report)
        finally:
            self._forget(report.gone, deadline)

    def push_all(self, jobs: Sequence[DeliveryJob], budget_seconds: float) -> list[PushResult | None]:
        """Post jobs that are due together, urgent ones first; what came of each.

        A connection that is due several of them gets one `batch` frame where they fit. None stands for a job
        of which what is left could not be queued: it has to be tried again whole.
        """
        deadline = time.monotonic() + budget_seconds
        together = frame_batches(jobs, int(time.time()))
        reports: list[list[PostReport]] = [[] for _ in jobs]
        gone: dict[str, None] = {}
        for number, parcel in enumerate(together):
            # What time is left is shared evenly among the frames that are left: none uses up the others'.
            share = max(0.0, deadline - time.monotonic()) / (len(together) - number)
            report = self._post(parcel.payload, parcel.connection_ids, share)
            gone.update(dict.fromkeys(report.gone))
            for place in parcel.places:
                reports[place].append(report)
        # First what must not be lost, then what the next event would find again.
        results = [self._settled(job, _merged(found)) for job, found in zip(jobs, reports, strict=True)]
        self._forget(tuple(gone), deadline)
        return results

    def _post(self, payload: str, connection_ids: Sequence[str], budget_seconds: float) -> PostReport:
        report = self._poster.post(payload, connection_ids, budget_seconds)
        if report.throttled:
            add(DELIVERIES_THROTTLED, report.throttled)
        return report

    def _settled(self, job: DeliveryJob, report: PostReport) -> PushResult | None:
        try:
            return self._settle(job, report)
        except StoreUnavailable:
            log.exception("job_not_requeued", eventId=job.event_id)
            return None

    def _settle(self, job: DeliveryJob, report: PostReport) -> PushResult:
        _measure(job, report)
        if report.unsent:
            self._again(job._replace(connection_ids=report.unsent, attempt=job.attempt + 1))
        else:
            self._complete(job)
        for connection_id, reason in report.refused.items():
            log.warning("post_refused", connectionId=connection_id, reason=reason, eventId=job.event_id)
        return PushResult(
            delivered=len(report.delivered),
            queued=len(report.unsent),
            gone=len(report.gone),
            refused=len(report.refused),
            answers_lost=report.answers_lost,
            throttled=report.throttled,
        )

    def _again(self, job: DeliveryJob) -> None:
        if job.attempt > ATTEMPTS_MAX and self._undeliverable is not None:
            self._undeliverable.put(encode_job(job), f"not deliverable in {ATTEMPTS_MAX} attempts")
            add(DELIVERIES_FAILED, len(job.connection_ids))
            self._complete(job)
            return
        ceiling = min(DELAY_SECONDS_MAX, 2 ** (job.attempt - 1))
        self._deliveries.send([job], delay_seconds=round(ceiling * self._jitter()))
        add(DELIVERIES_RETRIED, len(job.connection_ids))

    def _complete(self, job: DeliveryJob) -> None:
        if self._history is None or job.position is None:
            return
        try:
            self._history.complete_chunk(job.position, job.chunk)
        except StoreUnavailable:
            # It stays in flight until it is too old; until then a resume reads a little more than it needs.
            log.exception("landing_not_recorded", eventId=job.event_id)

    def _forget(self, connection_ids: Sequence[str], deadline: float) -> None:
        """Remove who is gone, many at once, as far as the time goes."""

        def remove(portion: Sequence[str]) -> int:
            if time.monotonic() > deadline + REMOVAL_SECONDS:
                return len(portion)
            remove_connections(portion, self._connections, self._subscriptions)
            return 0

        try:
            if left := sum(map_concurrently(remove, batches(connection_ids, REMOVED_TOGETHER))):
                log.warning("gone_connections_left", count=left)
        except StoreUnavailable:
            # The next event finds them gone again; what was delivered must not be sent twice for it.
            log.exception("gone_connections_not_removed", count=len(connection_ids))


def _measure(job: DeliveryJob, report: PostReport) -> None:
    if report.delivered:
        add(DELIVERIES_DELIVERED, len(report.delivered))
        add(MESSAGE_LATENCY, max(0, round(time.time() * 1000) - job.published_at_ms), "push")
    if report.gone:
        add(DELIVERIES_GONE, len(report.gone))
    if report.refused:
        add(DELIVERIES_FAILED, len(report.refused))


def _merged(reports: Sequence[PostReport]) -> PostReport:
    """What became of one job, out of the reports of the frames that it went in."""
    return PostReport(
        delivered=tuple(one for report in reports for one in report.delivered),
        gone=tuple(one for report in reports for one in report.gone),
        unsent=tuple(one for report in reports for one in report.unsent),
        refused={one: reason for report in reports for one, reason in report.refused.items()},
        answers_lost=sum(report.answers_lost for report in reports),
        throttled=sum(report.throttled for report in reports),
    )
