"""Lambda behind the forwards queue: puts accepted events on the event buses of other Regions.

What a bus does not accept stays in the queue, which tries again every 45 seconds for half a day.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from forwarder.event_buses import put_events, region_client
from forwarder.settings import Settings
from realtime_core.concurrency import map_concurrently
from realtime_core.forwarding.base import Forward, bus_region, decode_forward
from realtime_core.initialization import build_at_init, warm_up
from realtime_core.push.sqs import age_ms
from realtime_core.settings import read
from realtime_core.telemetry.logs import bound, get_logger
from realtime_core.telemetry.metric_catalog import EVENTS_FORWARDED, FORWARDS_FAILED, QUEUE_AGE
from realtime_core.telemetry.metrics import add, measured

log = get_logger(__name__)


def _build(environ: Mapping[str, str]) -> Settings:
    """Read the settings, and connect to the Regions that they name. Raises SettingsInvalid."""
    settings = read(Settings, environ)
    regions = dict.fromkeys(bus_region(arn) for arn in settings.forward_events_to)
    warm_up(*(region_client(region).connect_ahead for region in regions))
    return settings


_settings = build_at_init(_build)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Forward the events of an SQS batch; the answer names the records that SQS must retry."""
    with measured("forwarded", awsRequestId=context.aws_request_id):
        _settings()
        by_bus: dict[str, list[tuple[str, Forward]]] = {}
        failed: list[str] = []
        for record in event["Records"]:
            add(QUEUE_AGE, age_ms(record, time.time()), "forwards")
            forward = _decode(record)
            if forward is None:
                failed.append(record["messageId"])
            else:
                by_bus.setdefault(forward.bus_arn, []).append((record["messageId"], forward))

        # At once: a Region that does not answer shall not hold up another.
        results = map_concurrently(
            lambda arn: put_events(arn, [forward for _, forward in by_bus[arn]]), list(by_bus)
        )
        for records, accepted in zip(by_bus.values(), results, strict=True):
            failed += [
                message_id for (message_id, _), done in zip(records, accepted, strict=True) if not done
            ]

        add(EVENTS_FORWARDED, len(event["Records"]) - len(failed))
        add(FORWARDS_FAILED, len(failed))
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _decode(record: dict[str, Any]) -> Forward | None:
    with bound(correlationId=record["messageId"]):
        try:
            return decode_forward(record["body"])
        except ValueError:
            log.exception("forward_unreadable")
            return None
