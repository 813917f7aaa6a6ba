"""Lambda of `$connect` and `$disconnect`: comes and goes."""

from __future__ import annotations

import os
import time
from functools import cache
from typing import Any

from connection_handler.settings import Settings
from realtime_core.auth.handshake import read_headers, select_subprotocol
from realtime_core.aws.client import client
from realtime_core.connections.base import Connection
from realtime_core.connections.dynamodb import DynamoConnections
from realtime_core.errors import StoreUnavailable
from realtime_core.push.pusher import remove_connections
from realtime_core.settings import read
from realtime_core.subscriptions.dynamodb import DynamoSubscriptions
from realtime_core.telemetry.logs import bind, get_logger
from realtime_core.telemetry.metrics import measured

log = get_logger(__name__)


@cache
def _stores() -> tuple[DynamoConnections, DynamoSubscriptions]:
    settings = read(Settings, os.environ)
    dynamodb = client("dynamodb")
    return (
        DynamoConnections(dynamodb, settings.connections_table),
        DynamoSubscriptions(dynamodb, settings.connections_table, settings.subscriptions_table),
    )


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer a CONNECT or DISCONNECT event with a status; only a 2xx lets the connection open."""
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
                case kind:
                    # A client may name any route as its action. Its connection is open, whatever it says.
                    log.warning("route_refused", eventType=kind)
                    return {"statusCode": 200}
        except StoreUnavailable:
            log.exception("store_unavailable", eventType=request["eventType"])
            return {"statusCode": 500}


def _connect(event: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
    who = request["authorizer"]
    connections, _ = _stores()
    connections.add(
        Connection(
            connection_id=request["connectionId"],
            user_id=who["userId"],
            connected_at=int(request.get("connectedAt", time.time() * 1000)) // 1000,
            token_exp=int(who["tokenExp"]),
            issued_at=int(who.get("issuedAt") or 0),
            token_id=who.get("tokenId"),
        )
    )
    bind(userId=who["userId"])
    log.info("connected")
    selected = select_subprotocol(read_headers(event))
    return {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": selected} if selected else {}}


def _disconnect(request: dict[str, Any]) -> dict[str, Any]:
    connections, subscriptions = _stores()
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
