"""Posting of delivery jobs, and the handling of their results.

Every post of an event or message goes through `Pusher`: it removes connections that are gone, with their
memberships, and queues the connections that could not be reached.
"""

from __future__ import annotations

import time
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from realtime_core.aws.backoff import jitter
from realtime_core.concurrency import batches, map_concurrently
from realtime_core.errors import StoreUnavailable
from realtime_core.push.base import PostReport
from realtime_core.push.lookup import find_connections
from realtime_core.push.planning import (
    drop_expired,
    encode_job,
    frame_batches,
    keep_opening,
    narrow,
    opening_connections,
    opening_delay,
    reachable_connections,
)
from realtime_core.push.removal import remove_connections
from realtime_core.telemetry.logs import get_logger
from realtime_core.telemetry.metric_catalog import (
    DELIVERIES_DELIVERED,
    DELIVERIES_FAILED,
    DELIVERIES_GONE,
    DELIVERIES_RETRIED,
    DELIVERIES_THROTTLED,
    MESSAGE_LATENCY,
)
from realtime_core.telemetry.metrics import add

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from realtime_core.connections.base import Connections
    from realtime_core.history.base import Chunks
    from realtime_core.push.base import DeadLetterQueue, Deliveries, DeliveryJob, ManagementApi
    from realtime_core.subscriptions.base import Subscriptions

log = get_logger(__name__)

ATTEMPTS_MAX = 8
"""Attempts, each with retries within its time budget, before the rest of a job becomes a dead letter."""
DELAY_SECONDS_MAX = 60
REMOVAL_BATCH = 25
"""Outside limit: a BatchWriteItem deletes 25 memberships; most connections have one."""
REMOVAL_SECONDS = 1.0
"""How long after its time budget a job may still remove gone connections. The next event finds the rest,
but a function that times out repeats every delivery."""


class PushResult(NamedTuple):
    """How many connections of a job were reached, queued for another attempt, gone, refused or given up."""

    delivered: int = 0
    queued: int = 0
    gone: int = 0
    refused: int = 0
    dead_lettered: int = 0
    answers_lost: int = 0
    """Attempts whose response was lost, see `PostReport`."""
    throttled: int = 0
    """Attempts with the response 429."""


class Pusher:
    """Posts jobs, removes gone connections and queues unsent ones.

    A job may name users: then their connections are looked up, and the job is queued if that fails.
    `chunks` records those of which nothing can be delivered any more; `undeliverable` receives the rest of
    a job after `ATTEMPTS_MAX` attempts. `jitter` returns a number in [0, 1), `now` epoch seconds.
    """

    def __init__(
        self,
        management_api: ManagementApi,
        connections: Connections,
        subscriptions: Subscriptions,
        deliveries: Deliveries,
        *,
        chunks: Chunks | None = None,
        undeliverable: DeadLetterQueue | None = None,
        jitter: Callable[[], float] = jitter,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._management_api = management_api
        self._connections = connections
        self._subscriptions = subscriptions
        self._deliveries = deliveries
        self._chunks = chunks
        self._undeliverable = undeliverable
        self._jitter = jitter
        self._now = now

    def push(self, job: DeliveryJob, budget_seconds: float) -> PushResult:
        """Post a job within a time budget, or queue it if the request budget has no room for it just now.

        Raises StoreUnavailable if what was not posted could not be queued.
        """
        [job] = self._with_connections([job])
        if not _recipients(job):
            return PushResult()
        if not self.admits(len(job.connection_ids)):
            self._deliveries.send([job])
            return PushResult(queued=_recipients(job))
        (result,) = self._push_all([job], budget_seconds)
        if result is None:
            raise StoreUnavailable(f"what was not posted of {job.event_id} could not be queued; try again")
        return result

    def admits(self, posts: int) -> bool:
        """Whether so many posts can be sent at once within this instance's part of the request budget."""
        return self._management_api.admits(posts)

    def push_all(self, jobs: Sequence[DeliveryJob], budget_seconds: float) -> list[PushResult | None]:
        """Post jobs together, urgent ones first; returns the result of each.

        A connection of several jobs receives them in one `batch` frame if they fit. None stands for a job
        whose unsent rest could not be queued: the caller must retry the whole job.
        """
        return self._push_all(self._with_connections(jobs), budget_seconds)

    def _push_all(self, jobs: Sequence[DeliveryJob], budget_seconds: float) -> list[PushResult | None]:
        deadline = time.monotonic() + budget_seconds
        batches = frame_batches(jobs, int(self._now()))
        reports: list[list[PostReport]] = [[] for _ in jobs]
        posts = [(batch.payload, batch.connection_ids) for batch in batches]
        for batch, report in zip(batches, self._management_api.post_all(posts, budget_seconds), strict=True):
            if report.throttled:
                add(DELIVERIES_THROTTLED, report.throttled)
            for index in batch.jobs:
                reports[index].append(report)

        now = int(self._now())
        posted = [
            _Posted(job, *keep_opening(job, _merge(job_reports), now))
            for job, job_reports in zip(jobs, reports, strict=True)
        ]
        for item in posted:
            _record(item)

        # Requeue first: unsent jobs would be lost, while the next event finds gone connections again. All at
        # once: the time that is kept for this does for one call to a slow queue or table, not for ten.
        results = map_concurrently(self._try_settle, posted)
        self._complete(
            [job for job, result in zip(jobs, results, strict=True) if result and _is_complete(result)]
        )
        gone = dict.fromkeys(chain.from_iterable(item.report.gone for item in posted))
        may_open = set(chain.from_iterable(item.opening for item in posted))
        self._remove_gone([item for item in gone if item not in may_open], deadline)
        return results

    def push_later(self, job: DeliveryJob, delay_seconds: int) -> None:
        """Queue a whole job, with a delay of up to 900 s. Raises StoreUnavailable."""
        self._deliveries.send([job], delay_seconds)

    def _with_connections(self, jobs: Sequence[DeliveryJob]) -> list[DeliveryJob]:
        """The jobs with their users' connections; users whose connections cannot be looked up stay.

        They are without what has expired: a job of which nothing is left is for nobody.
        """
        now = int(self._now())
        looked_up: list[DeliveryJob] = []
        is_reachable = True
        for job in [drop_expired(job, now) for job in jobs]:
            if job.user_ids and is_reachable:
                found, left = find_connections(self._connections, job.user_ids)
                is_reachable = not left
                connection_ids = dict.fromkeys([*job.connection_ids, *reachable_connections(found, now)])
                looked_up.append(
                    job._replace(
                        connection_ids=tuple(connection_ids),
                        user_ids=left,
                        opening={**job.opening, **opening_connections(found, now)},
                    )
                )
            else:
                looked_up.append(job)
        return looked_up

    def _try_settle(self, posted: _Posted) -> PushResult | None:
        try:
            return self._settle(posted)
        except StoreUnavailable:
            log.exception("job_not_requeued", eventId=posted.job.event_id)
            return None

    def _settle(self, posted: _Posted) -> PushResult:
        """Queue what is left of a job."""
        job, report, opening = posted
        now = int(self._now())
        left = drop_expired(narrow(job, report.unsent), now)
        may_open = drop_expired(narrow(job, tuple(opening))._replace(user_ids=()), now)
        # Where time ran out before anything of it was tried, nothing speaks against the job.
        tried = 1 if report.untried < len(report.unsent) or left.user_ids else 0
        is_given_up = (
            bool(_recipients(left))
            and tried == 1
            and job.attempt >= ATTEMPTS_MAX
            and self._undeliverable is not None
        )
        if is_given_up:
            self._give_up(left, report.unexpected)
        elif _recipients(left):
            ceiling = min(DELAY_SECONDS_MAX, 2**job.attempt)
            self._requeue(left._replace(attempt=job.attempt + tried), round(ceiling * self._jitter()))
        if may_open.connection_ids:
            # No failed attempt: it ends when the connections open, or are too old to.
            self._requeue(may_open, opening_delay(opening, now))
        return PushResult(
            delivered=len(report.delivered),
            queued=len(may_open.connection_ids) + (0 if is_given_up else _recipients(left)),
            gone=len(report.gone),
            refused=len(report.refused),
            dead_lettered=_recipients(left) if is_given_up else 0,
            answers_lost=report.answers_lost,
            throttled=report.throttled,
        )

    def _give_up(self, job: DeliveryJob, unexpected: Mapping[str, int]) -> None:
        """Make the rest of a job a dead letter.

        Its chunk is not complete: while the event counts as in flight, a client that resumes finds it.
        """
        assert self._undeliverable is not None, "only who has a dead-letter queue gives up"  # noqa: S101
        answers = "".join(f"; {count} x {reason}" for reason, count in unexpected.items())
        self._undeliverable.put(encode_job(job), f"not deliverable in {ATTEMPTS_MAX} attempts{answers}")
        add(DELIVERIES_FAILED, _recipients(job))

    def _requeue(self, job: DeliveryJob, delay_seconds: int) -> None:
        self._deliveries.send([job], delay_seconds=delay_seconds)
        add(DELIVERIES_RETRIED, _recipients(job))

    def _complete(self, jobs: Sequence[DeliveryJob]) -> None:
        """Record the chunks of which nothing is left, those of one attempt to publish together."""
        if self._chunks is None:
            return
        chunks = self._chunks
        completed: dict[int, set[int]] = {}
        for job in jobs:
            if job.tracking_id is not None:
                completed.setdefault(job.tracking_id, set()).add(job.chunk)

        def complete(tracking_id: int) -> None:
            try:
                chunks.complete_chunks(tracking_id, completed[tracking_id])
            except StoreUnavailable:
                # The events stay in flight until they expire; until then a resume reads more than it needs.
                log.exception("chunks_not_recorded", trackingId=tracking_id)

        map_concurrently(complete, list(completed))

    def _remove_gone(self, connection_ids: Sequence[str], deadline: float) -> None:
        """Remove gone connections, in concurrent batches, until REMOVAL_SECONDS after the deadline."""

        def remove(batch: Sequence[str]) -> int:
            """Remove those of a batch that there is time for; returns how many are left."""
            tried: list[str] = []

            def in_time() -> Iterator[str]:
                for connection_id in batch:
                    if time.monotonic() > deadline + REMOVAL_SECONDS:
                        return
                    tried.append(connection_id)
                    yield connection_id

            remove_connections(in_time(), self._connections, self._subscriptions)
            return len(batch) - len(tried)

        try:
            if left := sum(map_concurrently(remove, batches(connection_ids, REMOVAL_BATCH))):
                log.warning("gone_connections_left", count=left)
        except StoreUnavailable:
            # Not raised: a retry would deliver the job twice, while the next event finds them gone again.
            log.exception("gone_connections_not_removed", count=len(connection_ids))


def _is_complete(result: PushResult) -> bool:
    """Whether nothing of a job can be delivered any more."""
    return not (result.queued or result.dead_lettered)


def _recipients(job: DeliveryJob) -> int:
    return len(job.connection_ids) + len(job.user_ids)


class _Posted(NamedTuple):
    """A job that was posted."""

    job: DeliveryJob
    report: PostReport
    """Its `gone` are really gone."""
    opening: Mapping[str, int]
    """The connections that answered 410, but may open a moment later; see `DeliveryJob`."""


def _record(posted: _Posted) -> None:
    """Add the metrics of a job that was posted, and log what was refused."""
    job, report, _ = posted
    frames = job.payload.count("\n") + 1
    if report.delivered:
        add(DELIVERIES_DELIVERED, len(report.delivered) * frames)
        add(MESSAGE_LATENCY, max(0, round(time.time() * 1000) - job.published_at_ms), "push")
    if report.gone:
        add(DELIVERIES_GONE, len(report.gone) * frames)
    if report.refused:
        add(DELIVERIES_FAILED, len(report.refused) * frames)
    for connection_id, reason in report.refused.items():
        log.warning("post_refused", connectionId=connection_id, reason=reason, eventId=job.event_id)
    # One line for each reason: what is wrong is wrong for thousands of connections at once.
    for reason, count in report.unexpected.items():
        log.error("posts_failed", reason=reason, count=count, eventId=job.event_id, attempt=job.attempt)


def _merge(reports: Sequence[PostReport]) -> PostReport:
    """The report of a job, from the reports of the frames that contained it."""
    unexpected: dict[str, int] = {}
    for reason, count in chain.from_iterable(report.unexpected.items() for report in reports):
        unexpected[reason] = unexpected.get(reason, 0) + count
    return PostReport(
        delivered=tuple(chain.from_iterable(report.delivered for report in reports)),
        gone=tuple(chain.from_iterable(report.gone for report in reports)),
        unsent=tuple(chain.from_iterable(report.unsent for report in reports)),
        untried=sum(report.untried for report in reports),
        refused=dict(chain.from_iterable(report.refused.items() for report in reports)),
        unexpected=unexpected,
        answers_lost=sum(report.answers_lost for report in reports),
        throttled=sum(report.throttled for report in reports),
    )
