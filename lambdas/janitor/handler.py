"""Lambda that a schedule runs each minute: maintains and counts the connections, and trims the history."""

from __future__ import annotations

import time
from typing import Any

from janitor.run_report import RunReport
from janitor.wiring import build
from realtime_core.errors import StoreUnavailable
from realtime_core.initialization import build_at_init
from realtime_core.telemetry.logs import get_logger
from realtime_core.telemetry.metrics import add, measured

log = get_logger(__name__)

_components = build_at_init(build)

RESERVE_SECONDS = 15.0
"""Left of the function's time for the page that is in work when the run's time is up, and for the rest."""
TRIM_SECONDS = 10.0
"""Of these, for the history."""


def handler(_event: object, context: Any) -> dict[str, Any]:
    """Do what is due. Returns the run report."""
    with measured("upkeep", correlationId=context.aws_request_id):
        revoker, janitor, trimming = _components()
        report = RunReport()

        revoker.run(report)
        janitor.run(context.get_remaining_time_in_millis() / 1000 - RESERVE_SECONDS, report)
        try:
            report.events_trimmed = trimming.trim(int(time.time() * 1000), TRIM_SECONDS)
        except StoreUnavailable:
            log.exception("upkeep_failed", duty="trim")
            report.failures += 1

        log.info("tended", **report.as_dict())
        for metric, value in report.metrics():
            add(metric, value)
        return report.as_dict()
