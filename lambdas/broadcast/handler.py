"""Lambda that takes published events: by invoke, from the events queue (SQS, SNS, EventBridge), by HTTP.

An event that breaks the contract reaches no subscriber. The answer to a synchronous caller says so. A
function cannot see whether its invoker waits, and nobody reads the answer to an asynchronous invoke: so every
such event also goes to the events dead-letter queue, with the reason, and one of an envelope that could not
be published just now goes to the events queue.
"""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any

from broadcast.reception import Reception, has_more, receive, refused
from broadcast.slices import publish_in_time
from broadcast.synchronous import note_size, publish_received, try_later
from broadcast.wiring import build
from realtime_core.errors import ActionError, StoreUnavailable, ValidationFailed
from realtime_core.initialization import build_at_init
from realtime_core.push.sqs import age_ms
from realtime_core.telemetry.logs import bind, bound, get_logger
from realtime_core.telemetry.metric_catalog import EVENTS_REFUSED, QUEUE_AGE
from realtime_core.telemetry.metrics import add, measured
from realtime_core.wire.envelopes import is_carrier_id, unwrap
from realtime_core.wire.strict_json import dumps

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from broadcast.publisher import Result
    from realtime_core.wire.events import Event

log = get_logger(__name__)

_broadcast = build_at_init(build)

_TIME_MS = re.compile("[0-9]{1,15}")
"""Epoch milliseconds, as SQS writes them."""


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Publish one event or several (an invoke, or a request of an HTTP API), or those of an SQS batch."""
    with measured("broadcast", awsRequestId=context.aws_request_id):
        if records := _queued(event):
            failed = _from_queue(records, context)
            return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}
        bind(correlationId=context.aws_request_id)
        if _is_http_request(event):
            # Imported here: most services have no HTTP API, and no cold start should pay for it.
            from broadcast.http_api import answer_request  # noqa: PLC0415

            request_id = context.aws_request_id
            return answer_request(_broadcast(), event, request_id, lambda: _seconds_left(context))
        return _invoked(event, context)


def _queued(event: Any) -> list[dict[str, Any]]:
    """Return the records of an SQS batch; an empty list if the event is not one, but an invoke's payload."""
    records = event.get("Records") if isinstance(event, dict) else None
    if not isinstance(records, list):
        return []
    return records if all(map(_is_queued, records)) else []


def _is_queued(record: Any) -> bool:
    """Whether SQS may have made a record: who invokes the function writes what it likes."""
    if not isinstance(record, dict) or record.get("eventSource") != "aws:sqs":
        return False
    attributes = record.get("attributes", {})
    sent_ms = attributes.get("SentTimestamp", "0") if isinstance(attributes, dict) else None
    return (
        is_carrier_id(record.get("messageId"))
        and isinstance(record.get("body"), str)
        and isinstance(sent_ms, str)
        and _TIME_MS.fullmatch(sent_ms) is not None
    )


def _is_http_request(event: Any) -> bool:
    """Whether an invocation comes from an HTTP API: no event of ours has these fields."""
    return (
        isinstance(event, dict)
        and event.get("version") == "2.0"
        and isinstance(event.get("requestContext"), dict)
        and isinstance(event["requestContext"].get("http"), dict)
    )


def _invoked(raw: Any, context: Any) -> dict[str, Any]:
    """Answer an invoke. Lambda retries one with the same request id, so its events keep their ids."""
    broadcast = _broadcast()
    try:
        reception = receive(raw, context.aws_request_id, check=_check_forwarding())
    except ValidationFailed as error:
        _refuse(json.dumps(raw), error)
        return {"statusCode": 400, "body": dumps(refused(error))}

    note_size(reception)
    body = publish_received(broadcast.publisher, broadcast.events, reception, lambda: _seconds_left(context))
    for item in reception.received:
        if item.refusal is not None:
            _refuse(json.dumps(item.raw), item.refusal)
    return {"statusCode": 200, "body": dumps(body)}


def _check_forwarding() -> Callable[[Event], None] | None:
    """What is accepted is forwarded: the check of events for that; None without other Regions."""
    forwarding = _broadcast().forwarding
    return None if forwarding is None else forwarding.check


def _from_queue(records: list[dict[str, Any]], context: Any) -> list[str]:
    """Publish the events of all records together; return the ids of the messages that SQS must retry.

    An event without an id has that of its carrier: SQS may deliver a message twice, and SNS and EventBridge
    may send one envelope as two messages.
    """
    failed: list[str] = []
    receptions: list[tuple[str, Reception]] = []
    for record in records:
        add(QUEUE_AGE, age_ms(record, time.time()), "events")
        message_id = record["messageId"]
        try:
            carried = unwrap(record["body"])
            carrier_id = carried.carrier_id or message_id
            reception = receive(carried.raw, carrier_id, carried.origin, _check_forwarding())
            note_size(reception)
            receptions.append((message_id, reception))
        except ValidationFailed as error:
            if not _try_refusing(message_id, [(record["body"], error)]):
                failed.append(message_id)

    submissions = [
        item.submission for _, each in receptions for item in each.received if item.submission is not None
    ]
    results = publish_in_time(_broadcast().publisher, submissions, lambda: _seconds_left(context))
    by_event = iter(results)
    for message_id, reception in receptions:
        own = [next(by_event) for item in reception.received if item.submission is not None]
        refusals = [(json.dumps(item.raw), item.refusal) for item in reception.received if item.refusal]
        # Refused events of a message that is retried come again with it, and so do those that have more.
        if (
            any(isinstance(result, Exception) for result in own)
            or not _try_going_on(reception, own)
            or not _try_refusing(message_id, refusals)
        ):
            failed.append(message_id)
    return failed


def _try_going_on(reception: Reception, results: Sequence[Result]) -> bool:
    """Queue the events whose audiences have more; returns whether they are queued."""
    published = [item for item in reception.received if item.submission is not None]
    more = [item for item, result in zip(published, results, strict=True) if has_more(result)]
    try:
        if more:
            try_later(_broadcast().events, more)
    except StoreUnavailable:
        return False
    return True


def _seconds_left(context: Any) -> float:
    return float(context.get_remaining_time_in_millis() / 1000)


def _try_refusing(message_id: str, refusals: Sequence[tuple[str, ActionError]]) -> bool:
    """Refuse events of a queued message; returns whether that is recorded."""
    with bound(correlationId=message_id):
        try:
            for raw, error in refusals:
                _refuse(raw, error)
        except StoreUnavailable:
            return False
    return True


def _refuse(raw: str, error: ActionError) -> None:
    log.warning("event_refused", problems=error.details)
    add(EVENTS_REFUSED, 1)
    _broadcast().dead_letters.put(raw, error.message)
