"""Lambda behind the deliveries queue: posts each job, and puts back only what is left of it."""

from __future__ import annotations

import os
import time
from functools import cache
from typing import Any

from delivery.settings import Settings
from realtime_core.aws.client import client
from realtime_core.connections.dynamodb import DynamoConnections
from realtime_core.history.dynamodb import DynamoHistory
from realtime_core.push.base import DeliveryJob
from realtime_core.push.management_api.client import ManagementApiClient
from realtime_core.push.planning import decode_job
from realtime_core.push.pusher import Pusher, PushResult
from realtime_core.push.sqs import SqsDeadLetterQueue, SqsDeliveries, age_ms
from realtime_core.settings import read
from realtime_core.subscriptions.dynamodb import DynamoSubscriptions
from realtime_core.telemetry.logs import bound, get_logger
from realtime_core.telemetry.metric_catalog import QUEUE_AGE
from realtime_core.telemetry.metrics import add, measured

log = get_logger(__name__)

RESERVE_SECONDS = 5.0
"""Kept of the function's time for what comes after posting: queueing what is left, removing what is gone."""


@cache
def _pusher() -> Pusher:
    settings = read(Settings, os.environ)
    dynamodb, sqs = client("dynamodb"), client("sqs")
    return Pusher(
        ManagementApiClient(settings.management_endpoint, posts_per_second=settings.posts_per_second),
        DynamoConnections(dynamodb, settings.connections_table),
        DynamoSubscriptions(dynamodb, settings.connections_table, settings.subscriptions_table),
        SqsDeliveries(sqs, settings.deliveries_queue_url),
        history=DynamoHistory(dynamodb, settings.history_table, os.urandom),
        undeliverable=SqsDeadLetterQueue(sqs, settings.deliveries_dlq_url),
    )


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Post the jobs of an SQS batch, urgent ones first; the answer names what SQS is to hand out again."""
    with measured("delivered", awsRequestId=context.aws_request_id):
        return _deliver(event["Records"], context)


def _deliver(records: list[dict[str, Any]], context: Any) -> dict[str, Any]:
    for record in records:
        add(QUEUE_AGE, age_ms(record, time.time()), "deliveries")
    read = [(record["messageId"], _read(record)) for record in records]
    jobs = [(message_id, job) for message_id, job in read if job is not None]
    failed = [message_id for message_id, job in read if job is None]
    budget = max(0.0, context.get_remaining_time_in_millis() / 1000 - RESERVE_SECONDS)
    results = _pusher().push_all([job for _, job in jobs], budget)
    for (message_id, job), result in zip(jobs, results, strict=True):
        if result is None:
            failed.append(message_id)
        else:
            _log(job, result)
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _read(record: dict[str, Any]) -> DeliveryJob | None:
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
        answersLost=result.answers_lost,
        throttled=result.throttled,
    )
