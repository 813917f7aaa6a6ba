"""Lambda that a schedule runs each minute: maintains and counts the connections, and trims the history."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from janitor.ending import is_ending
from janitor.run_report import RunReport
from janitor.share import share_of
from janitor.wiring import build
from realtime_core.errors import StoreUnavailable
from realtime_core.initialization import build_at_init
from realtime_core.telemetry.logs import get_logger
from realtime_core.telemetry.metrics import add, measured

if TYPE_CHECKING:
    from realtime_core.history.dynamodb_trimming import DynamoTrimming

log = get_logger(__name__)

_components = build_at_init(build)

RESERVE_SECONDS = 15.0
"""Left of the function's time for the page that is in work when the run's time is up, and for the rest."""
TRIM_SECONDS = 10.0
"""Of these, for the history."""


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Do what is due in the share of the work that the event names. Returns the run report.

    An operator's event names a task of its own instead, and gets what that returns.
    """
    with measured("upkeep", correlationId=context.aws_request_id):
        revoker, janitor, trimming, ending = _components()
        if is_ending(event):
            return ending.run(event)

        share, holder = share_of(event), context.aws_request_id
        seconds = context.get_remaining_time_in_millis() / 1000 - RESERVE_SECONDS

        # Side by side: however many are revoked, expired tokens and hand-overs do not wait for them.
        revoked = RunReport()
        with ThreadPoolExecutor(1, thread_name_prefix="revoke") as beside:
            revoking = beside.submit(revoker.run, seconds, holder, revoked, share)
            report = janitor.run(seconds, holder, share)
            revoking.result()
        report.add(revoked)
        if share.number == 0:
            _trim(trimming, report)

        log.info("tended", **report.as_dict())
        for metric, value in report.metrics():
            add(metric, value)
        return report.as_dict()


def _trim(trimming: DynamoTrimming, report: RunReport) -> None:
    """Remove old events from the history: the work of one share, whatever their number."""
    try:
        report.events_trimmed = trimming.trim(int(time.time() * 1000), TRIM_SECONDS)
    except StoreUnavailable:
        log.exception("upkeep_failed", duty="trim")
        report.failures += 1
