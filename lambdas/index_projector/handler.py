"""Lambda that keeps the index: by the stream of the subscriptions table, each minute, and by hand.

{"Records": […]}                                          a batch of the stream
{"task": "tend"}                                          each minute: build, mend, report
{"task": "rebuild"}                                       build the index anew, whatever is there
{"task": "check", "groups": 100, "repair": true}          compare (everything without `groups`), and mend
"""

from __future__ import annotations

import os
from functools import cache
from typing import Any, Literal, NamedTuple

from index_projector import scripts
from index_projector.building import Builder
from index_projector.checking import Checker
from index_projector.index import Index
from index_projector.projector import Projector
from index_projector.settings import Settings
from index_projector.stream import changes_of, sequence_number
from index_projector.table import Table
from index_projector.tasks import Check, parse_task
from index_projector.tending import Tender
from realtime_core.aws.client import client
from realtime_core.errors import StoreUnavailable, ValidationFailed
from realtime_core.redis.client import redis_client
from realtime_core.redis.dynamodb_health import DynamoHealth
from realtime_core.settings import read
from realtime_core.subscriptions.pending_changes import DynamoPending
from realtime_core.telemetry.configuration import configure
from realtime_core.telemetry.logs import get_logger
from realtime_core.telemetry.metric_catalog import INDEX_FAILURES
from realtime_core.telemetry.metrics import add, measured

log = get_logger(__name__)
configure(os.environ)

ANSWER_SECONDS = 3.0
"""A script of many writes takes a while on a busy server, and nobody waits for it here."""
RESERVE_SECONDS = 10.0


class Parts(NamedTuple):
    """What the function is made of."""

    projector: Projector
    tender: Tender
    builder: Builder
    checker: Checker


@cache
def _parts() -> Parts:
    settings = read(Settings, os.environ)
    dynamodb = client("dynamodb")
    index = Index(redis_client(settings, scripts.ALL, ANSWER_SECONDS))
    table = Table(dynamodb, settings.subscriptions_table)
    pending = DynamoPending(dynamodb, settings.subscriptions_table)
    projector = Projector(index, table, pending)
    builder, checker = Builder(index, table), Checker(index, table, projector)
    health = DynamoHealth(dynamodb, settings.history_table)
    return Parts(
        projector,
        Tender(index, builder, checker, projector, pending=pending, health=health),
        builder,
        checker,
    )


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Apply a batch of the stream, or do a task and say what it came to."""
    with measured("indexed", correlationId=context.aws_request_id):
        if isinstance(event, dict) and isinstance(event.get("Records"), list):
            return _apply(event["Records"])
        try:
            task = parse_task(event)
        except ValidationFailed as error:
            log.warning("task_refused", problems=error.details)
            return {"task": "rejected", "errors": error.details}
        return _do(task, context)


def _apply(records: list[Any]) -> dict[str, Any]:
    """Apply records; where that fails, Lambda begins again at the first of them, so the order is kept."""
    try:
        _parts().projector.apply(changes_of(records))
    except StoreUnavailable as error:
        log.warning("batch_failed", reason=str(error), records=len(records))
        add(INDEX_FAILURES, 1)
        return {"batchItemFailures": [{"itemIdentifier": sequence_number(records)}]}
    return {"batchItemFailures": []}


def _do(task: Literal["tend", "rebuild"] | Check, context: Any) -> dict[str, Any]:
    parts = _parts()
    seconds = context.get_remaining_time_in_millis() / 1000 - RESERVE_SECONDS
    if task == "tend":
        tally = parts.tender.run(seconds)
        log.info("tended", **tally.as_dict())
        for metric, value in tally.metrics():
            add(metric, value)
        return tally.as_dict()
    try:
        answer = parts.checker.answer(task) if isinstance(task, Check) else parts.builder.rebuilt(seconds)
    except StoreUnavailable as error:
        name = task if isinstance(task, str) else "check"
        log.exception("task_failed", task=name)
        return {"task": name, "outcome": "failed", "reason": str(error)}
    log.info("task_done", **answer)
    return answer
