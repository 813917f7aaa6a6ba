"""`@connections`: PostToConnection, GetConnection and DeleteConnection.

docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html;
errors from botocore's model of apigatewaymanagementapi.
"""

from __future__ import annotations

import re
import time
from typing import Any, NamedTuple

from aiohttp import web

from local_cloud.gateway.gateway import Gateway, Session
from local_cloud.gateway.websocket import MAX_MESSAGE_BYTES

_CONNECTION_ID = re.compile(r"[A-Za-z0-9_-]{15}=")


class StageAddress(NamedTuple):
    """The address of a stage; `rest` is the path behind it."""

    api_id: str
    stage: str
    rest: str


class ManagementError(Exception):
    """The call fails with this status, error type and message."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status, self.kind, self.message = status, kind, message


def build_error(status: int, kind: str, message: str) -> web.Response:
    """Return an error response as AWS's REST-JSON services send it."""
    return web.json_response({"message": message}, status=status, headers={"x-amzn-ErrorType": kind})


def build_too_large() -> web.Response:
    """Return the error for a message above the limit."""
    return build_error(413, "PayloadTooLargeException", "Message too long")


async def serve(gateway: Gateway, method: str, address: StageAddress, body: bytes) -> web.Response:
    """Answer one call that the emulator has already authorized."""
    if method not in {"GET", "POST", "DELETE"}:
        return build_error(403, "ForbiddenException", "Forbidden")
    try:
        session = _find_session(gateway, address, body)
        if method == "POST":
            return _post(gateway, session, body)
    except ManagementError as error:
        return build_error(error.status, error.kind, error.message)

    if method == "DELETE":
        # The code and reason that a DISCONNECT event reports after it: github.com/boto/boto3/issues/3789
        session.socket.close(1000, "Connection Closed Normally")
        return web.Response(status=204)
    return web.json_response(_describe(session))


def _find_session(gateway: Gateway, address: StageAddress, body: bytes) -> Session:
    connection_id = address.rest.removeprefix("/@connections/")
    if not gateway.throttles.allows_request():
        raise ManagementError(429, "LimitExceededException", "Too Many Requests")
    if not _CONNECTION_ID.fullmatch(connection_id):
        raise ManagementError(400, "BadRequestException", f"Invalid connectionId: {connection_id}")
    if len(body) > MAX_MESSAGE_BYTES:
        raise ManagementError(413, "PayloadTooLargeException", "Message too long")

    session = gateway.sessions.get(connection_id)
    if (
        session is None
        or (session.peer.api_id, session.peer.stage) != address[:2]
        or not session.socket.is_open
    ):
        raise ManagementError(410, "GoneException", "Gone")
    return session


def _post(gateway: Gateway, session: Session, body: bytes) -> web.Response:
    if session.socket.is_clogged:
        raise ManagementError(429, "LimitExceededException", "The client's buffer is full")
    if not gateway.push(session, body.decode("utf-8", "replace")):
        raise ManagementError(410, "GoneException", "Gone")
    gateway.telemetry.count_push(session.peer)
    return web.Response(status=200)


def _format_timestamp(epoch_ms: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch_ms / 1000))


def _describe(session: Session) -> dict[str, Any]:
    # GetConnection's names are in lower camel case on the wire, although the SDK shows upper.
    identity = session.peer.identity
    return {
        "connectedAt": _format_timestamp(session.peer.connected_at),
        "lastActiveAt": _format_timestamp(session.last_active_at),
        "identity": {"sourceIp": identity["sourceIp"], "userAgent": identity.get("userAgent", "")},
    }
