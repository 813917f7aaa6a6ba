"""Lambda that keeps the index in Redis: invoked by the table's stream, each minute, and by hand.

{"Records": […]}                                          a batch of the stream
{"task": "tend"}                                          each minute: rebuild if needed, repair, report
{"task": "rebuild"}                                       rebuild the index in any case
{"task": "check", "groups": 100, "repair": true}          compare (everything without `groups`), and repair
"""

from __future__ import annotations

from typing import Any, Literal

from index_projector.invocation import CheckTask, parse_task
from index_projector.stream import first_sequence_number, parse_changes
from index_projector.wiring import build
from realtime_core.errors import StoreUnavailable, ValidationFailed
from realtime_core.initialization import build_at_init
from realtime_core.telemetry.logs import get_logger
from realtime_core.telemetry.metric_catalog import INDEX_FAILURES
from realtime_core.telemetry.metrics import add, measured

log = get_logger(__name__)

_components = build_at_init(build)

RESERVE_SECONDS = 10.0
"""Left over at the end of the function's time."""


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Apply a batch of the stream, or run a task and return its result."""
    with measured("indexed", correlationId=context.aws_request_id):
        if isinstance(event, dict) and isinstance(event.get("Records"), list):
            return _apply(event["Records"])
        try:
            task = parse_task(event)
        except ValidationFailed as error:
            log.warning("task_refused", problems=error.details)
            return {"task": "rejected", "errors": error.details}
        return _run(task, context.get_remaining_time_in_millis() / 1000 - RESERVE_SECONDS)


def _apply(records: list[Any]) -> dict[str, Any]:
    """Apply records; if that fails, Lambda retries from the first of them, which keeps their order."""
    try:
        _components().projector.apply(parse_changes(records))
    except StoreUnavailable as error:
        log.warning("batch_failed", reason=str(error), records=len(records))
        add(INDEX_FAILURES, 1)
        return {"batchItemFailures": [{"itemIdentifier": first_sequence_number(records)}]}
    return {"batchItemFailures": []}


def _run(task: Literal["tend", "rebuild"] | CheckTask, seconds: float) -> dict[str, Any]:
    parts = _components()
    if task == "tend":
        report = parts.maintenance.run(seconds)
        log.info("tended", **report.as_dict())
        for metric, value in report.metrics():
            add(metric, value)
        return report.as_dict()

    try:
        if isinstance(task, CheckTask):
            response = parts.verification.run_task(task)
        else:
            response = parts.rebuild.run_task(seconds)
    except StoreUnavailable as error:
        name = task if isinstance(task, str) else "check"
        log.exception("task_failed", task=name)
        return {"task": name, "outcome": "failed", "reason": str(error)}
    log.info("task_done", **response)
    return response
