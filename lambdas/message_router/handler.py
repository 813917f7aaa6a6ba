"""Lambda of every action route. The returned body is the route response, so a reply costs no post."""

from __future__ import annotations

import time
from typing import Any

from message_router.router import Incoming
from message_router.wiring import build
from realtime_core.initialization import build_at_init
from realtime_core.telemetry.metric_catalog import MESSAGE_LATENCY
from realtime_core.telemetry.metrics import add, measured

_router = build_at_init(build)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer a MESSAGE event with the reply frame."""
    request = event["requestContext"]
    received_ms, connected_ms = request.get("requestTimeEpoch"), request.get("connectedAt")
    incoming = Incoming(
        body=event.get("body"),
        connection_id=request["connectionId"],
        correlation_id=request["requestId"],
        authorizer=request.get("authorizer") or {},
        received_ms=round(time.time() * 1000) if received_ms is None else received_ms,
        connected_at=None if connected_ms is None else int(connected_ms) // 1000,
    )

    with measured("answered", connectionId=incoming.connection_id, correlationId=incoming.correlation_id):
        body = _router().reply(incoming)
        if received_ms is not None:
            # By two clocks, API Gateway's and ours: if ours is behind, the difference may be negative.
            add(MESSAGE_LATENCY, max(0, round(time.time() * 1000) - received_ms), "reply")
        return {"statusCode": 200, "body": body}
