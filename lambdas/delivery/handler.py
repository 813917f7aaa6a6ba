"""Lambda behind the deliveries queue: posts each job, and requeues only the part that was not delivered."""

from __future__ import annotations

import time
from typing import Any

from delivery.wiring import build
from realtime_core.initialization import build_at_init
from realtime_core.push.base import DeliveryJob
from realtime_core.push.planning import decode_job
from realtime_core.push.pusher import PushResult
from realtime_core.push.sqs import age_ms
from realtime_core.telemetry.logs import bound, get_logger
from realtime_core.telemetry.metric_catalog import QUEUE_AGE
from realtime_core.telemetry.metrics import add, measured

log = get_logger(__name__)

RESERVE_SECONDS = 8.0
"""Part of the function's time that is kept for the last answers (3 s), for requeueing and for removing gone
connections. A function that times out repeats all of its deliveries."""


_pusher = build_at_init(build)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Post the jobs of an SQS batch, urgent ones first; the answer names the records that SQS must retry."""
    with measured("delivered", awsRequestId=context.aws_request_id):
        return _deliver(event["Records"], context)


def _deliver(records: list[dict[str, Any]], context: Any) -> dict[str, Any]:
    jobs: list[tuple[str, DeliveryJob]] = []
    failed: list[str] = []
    for record in records:
        add(QUEUE_AGE, age_ms(record, time.time()), "deliveries")
        job = _decode(record)
        if job is None:
            failed.append(record["messageId"])
        else:
            jobs.append((record["messageId"], job))

    budget = max(0.0, context.get_remaining_time_in_millis() / 1000 - RESERVE_SECONDS)
    results = _pusher().push_all([job for _, job in jobs], budget)

    for (message_id, job), result in zip(jobs, results, strict=True):
        if result is None:
            failed.append(message_id)
        else:
            _log(job, result)
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _decode(record: dict[str, Any]) -> DeliveryJob | None:
    with bound(correlationId=record["messageId"]):
        try:
            return decode_job(record["body"])
        except ValueError:
            log.exception("job_unreadable")
            return None


def _log(job: DeliveryJob, result: PushResult) -> None:
    log.info(
        "posted",
        correlationId=job.correlation_id or job.event_id,
        eventId=job.event_id,
        attempt=job.attempt,
        priority=job.priority,
        delivered=result.delivered,
        queued=result.queued,
        gone=result.gone,
        refused=result.refused,
        deadLettered=result.dead_lettered,
        answersLost=result.answers_lost,
        throttled=result.throttled,
    )
