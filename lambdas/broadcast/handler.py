"""Lambda that takes published events: by invoke, and from the events queue (SQS, SNS, EventBridge).

An event that breaks the contract reaches no subscriber. The answer to a synchronous caller is a 400. A
function cannot see whether its caller waits, and nobody reads the answer to an asynchronous invoke: so every
such event also goes to the events dead-letter queue, with the reason.
"""

from __future__ import annotations

import json
import time
from typing import Any

from broadcast.wiring import build
from realtime_core.errors import StoreUnavailable, ValidationFailed
from realtime_core.initialization import build_at_init
from realtime_core.push.sqs import age_ms
from realtime_core.telemetry.logs import bind, bound, get_logger
from realtime_core.telemetry.metric_catalog import EVENTS_REFUSED, QUEUE_AGE
from realtime_core.telemetry.metrics import add, measured
from realtime_core.wire.envelopes import unwrap
from realtime_core.wire.events import Event, parse_event
from realtime_core.wire.strict_json import dumps

log = get_logger(__name__)

EVENT_SECONDS = 15.0
"""How long an event may take: its direct posts with their last answers, and the calls before and after."""

_broadcast = build_at_init(build)


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Publish one event (an invoke), or each event of an SQS batch."""
    with measured("broadcast", awsRequestId=context.aws_request_id):
        if records := _queued(event):
            failed = [item for record in records for item in _in_time(record, context)]
            return {"batchItemFailures": failed}
        bind(correlationId=context.aws_request_id)
        return _invoked(event, context.aws_request_id)


def _queued(event: Any) -> list[dict[str, Any]]:
    """Return the records of an SQS batch; an empty list if the event is not one, but an invoke's payload."""
    records = event.get("Records") if isinstance(event, dict) else None
    if not isinstance(records, list):
        return []
    is_batch = all(
        isinstance(record, dict) and record.get("eventSource") == "aws:sqs" and "messageId" in record
        for record in records
    )
    return records if is_batch else []


def _invoked(raw: Any, request_id: str) -> dict[str, Any]:
    """Answer an invoke. Lambda retries one with the same request id, so its event keeps its id."""
    try:
        event = _parse(raw)
    except ValidationFailed as error:
        _refuse(json.dumps(raw), error)
        return {"statusCode": 400, "body": dumps({"broadcast": "rejected", "errors": error.details})}

    event_id = event.event_id or request_id
    bind(correlationId=event_id, eventId=event_id)
    return {"statusCode": 200, "body": dumps(_broadcast().publisher.publish(event, event_id))}


def _in_time(record: dict[str, Any], context: Any) -> list[dict[str, str]]:
    """Publish one queued event, or leave it to the queue if there is no time for it any more."""
    if context.get_remaining_time_in_millis() / 1000 < EVENT_SECONDS:
        log.warning("event_left_for_lack_of_time", correlationId=record["messageId"])
        return [{"itemIdentifier": record["messageId"]}]
    return _from_queue(record)


def _from_queue(record: dict[str, Any]) -> list[dict[str, str]]:
    """Publish one queued event; return the record that SQS must retry, as a list of none or one.

    An event without an id has that of its carrier: SQS may deliver a message twice, and SNS and EventBridge
    may send one envelope as two messages.
    """
    with bound(correlationId=record["messageId"]):
        add(QUEUE_AGE, age_ms(record, time.time()), "events")
        try:
            carried = unwrap(record["body"])
            event = _parse(carried.raw)
        except ValidationFailed as error:
            try:
                _refuse(record["body"], error)
            except StoreUnavailable:
                return [{"itemIdentifier": record["messageId"]}]
            return []

        event_id = event.event_id or carried.carrier_id or record["messageId"]
        bind(correlationId=event_id, eventId=event_id)
        try:
            _broadcast().publisher.publish(event, event_id, carried.origin)
        except StoreUnavailable:
            log.exception("publish_failed")
            return [{"itemIdentifier": record["messageId"]}]
        return []


def _parse(raw: Any) -> Event:
    """Validate an event, also for its way to other Regions: what is accepted is forwarded."""
    event = parse_event(raw)
    if (forwarding := _broadcast().forwarding) is not None:
        forwarding.check(event)
    return event


def _refuse(raw: str, error: ValidationFailed) -> None:
    log.warning("event_refused", problems=error.details)
    add(EVENTS_REFUSED, 1)
    _broadcast().dead_letters.put(raw, error.message)
