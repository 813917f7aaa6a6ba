"""Answers requests of the publish API: one event or several, held to what their publisher may publish.

The publisher waits for each answer, so what is refused is said there, and not kept as a dead letter: a
publisher could fill that queue (docs/adr/0043).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from broadcast.http_requests import (
    ANSWER_SECONDS,
    RETRY_AFTER_SECONDS,
    HttpRefused,
    Request,
    read_request,
    refused_response,
    response,
)
from broadcast.reception import NOT_PUBLISHED_REASON, Reception, answer, check_permitted, receive, refused
from broadcast.synchronous import note_size, publish_received
from realtime_core.errors import Forbidden, StoreUnavailable, ValidationFailed
from realtime_core.telemetry.logs import bind, get_logger
from realtime_core.telemetry.metric_catalog import EVENTS_REFUSED, FORBIDDEN
from realtime_core.telemetry.metrics import add

if TYPE_CHECKING:
    from collections.abc import Callable

    from broadcast.wiring import Broadcast
    from realtime_core.wire.events import Event

log = get_logger(__name__)


def answer_request(
    broadcast: Broadcast, raw: dict[str, Any], request_id: str, seconds_left: Callable[[], float]
) -> dict[str, Any]:
    """Publish what a request of the HTTP API has, and return the HTTP response.

    `request_id` makes the ids of events without one; `seconds_left` is how long the function may run.
    """
    bind(httpRequestId=raw["requestContext"].get("requestId"))
    try:
        request = read_request(raw, time.time())
        bind(caller=request.caller)
        reception = receive(request.raw, request_id, check=_check(broadcast, request))
    except HttpRefused as error:
        log.warning("request_refused", status=error.status, problems=[error.problem.as_dict()])
        add(EVENTS_REFUSED, 1)
        return refused_response(error)
    except ValidationFailed as error:
        _note(error)
        return response(400, refused(error))
    except Forbidden as error:
        _note(error)
        return response(403, refused(error))
    note_size(reception)
    for item in reception.received:
        if item.refusal is not None:
            _note(item.refusal)

    def time_left() -> float:
        return min(seconds_left(), request.received_at + ANSWER_SECONDS - time.time())

    try:
        return response(200, publish_received(broadcast.publisher, broadcast.events, reception, time_left))
    except StoreUnavailable as error:
        log.exception("request_failed", reason=str(error))
        return response(503, _failed(reception), {"retry-after": str(RETRY_AFTER_SECONDS)})


def _check(broadcast: Broadcast, request: Request) -> Callable[[Event], None]:
    """The check of an event: its publisher may publish it, and it can be forwarded to other Regions."""

    def check(event: Event) -> None:
        if request.permissions is not None:
            check_permitted(event, request.permissions)
        if broadcast.forwarding is not None:
            broadcast.forwarding.check(event)

    return check


def _note(error: ValidationFailed | Forbidden) -> None:
    if isinstance(error, Forbidden):
        log.warning("event_forbidden", **error.details)
        add(FORBIDDEN, 1, error.details["reason"])
    else:
        log.warning("event_refused", problems=error.details)
        add(EVENTS_REFUSED, 1)


def _failed(reception: Reception) -> dict[str, Any]:
    """What is answered where nothing could be published: every id, so that a repeat is no second event."""
    results = [answer(item, None, NOT_PUBLISHED_REASON) for item in reception.received]
    return {"broadcast": "failed", "results": results} if reception.is_envelope else results[0]
