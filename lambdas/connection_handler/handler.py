"""Lambda of `$connect` and `$disconnect`: stores and removes the connection's record.

A user with too many connections is answered 429 here, because an authorizer has no such answer: a client that
gets a 403 gives up, one that gets a 429 comes back.
"""

from __future__ import annotations

import time
from typing import Any

from connection_handler.wiring import build
from realtime_core.auth.handshake import read_headers, select_subprotocol
from realtime_core.auth.permissions import decode_permissions
from realtime_core.connections.base import Connection
from realtime_core.errors import StoreUnavailable
from realtime_core.initialization import build_at_init
from realtime_core.push.removal import remove_connections
from realtime_core.telemetry.logs import bind, get_logger
from realtime_core.telemetry.metric_catalog import CONNECTIONS_REFUSED
from realtime_core.telemetry.metrics import add, measured

log = get_logger(__name__)

TOO_MANY_REQUESTS = 429
USER_AGENT_CHARS_MAX = 256
"""Of the user agent in the log; a client may send as much as a header holds."""

_stores = build_at_init(build)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer a CONNECT or DISCONNECT event with a status; the connection opens only for a 2xx."""
    request = event["requestContext"]
    with measured(
        "connection_handled", connectionId=request["connectionId"], correlationId=request["requestId"]
    ):
        try:
            match request["eventType"]:
                case "CONNECT":
                    return _connect(event, request)
                case "DISCONNECT":
                    return _disconnect(request)
                case event_type:
                    # A client may name `$connect` or `$disconnect` as its action; its connection stays open.
                    log.warning("route_refused", eventType=event_type)
                    return {"statusCode": 200}
        except StoreUnavailable:
            log.exception("store_unavailable", eventType=request["eventType"])
            return {"statusCode": 500}


def _connect(event: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
    context, now = request["authorizer"], int(time.time())
    user_id = context["userId"]
    bind(userId=user_id)
    connections, _, limit = _stores()
    if not limit.admits(user_id, now):
        log.info("connect_refused", status=TOO_MANY_REQUESTS, reason="too_many_connections")
        add(CONNECTIONS_REFUSED, 1)
        return {"statusCode": TOO_MANY_REQUESTS}

    connections.add(
        Connection(
            connection_id=request["connectionId"],
            user_id=user_id,
            connected_at=int(request.get("connectedAt", now * 1000)) // 1000,
            token_exp=int(context["tokenExp"]),
            issued_at=int(context.get("issuedAt") or 0),
            token_id=context.get("tokenId"),
            permissions=decode_permissions(context),
        )
    )
    # Here once, and not in the access log, which has a line for each frame.
    user_agent = str((request.get("identity") or {}).get("userAgent") or "")
    log.info("connected", userAgent=user_agent[:USER_AGENT_CHARS_MAX])

    selected = select_subprotocol(read_headers(event))
    return {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": selected} if selected else {}}


def _disconnect(request: dict[str, Any]) -> dict[str, Any]:
    connections, subscriptions, _ = _stores()
    if user_id := (request.get("authorizer") or {}).get("userId"):
        bind(userId=user_id)
    removed = remove_connections([request["connectionId"]], connections, subscriptions)
    log.info(
        "disconnected",
        known=bool(removed),
        closeCode=request.get("disconnectStatusCode"),
        reason=request.get("disconnectReason"),
    )
    return {"statusCode": 200}
