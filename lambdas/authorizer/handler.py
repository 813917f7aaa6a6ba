"""Lambda authorizer: verifies a token, and decides whether its user may connect, or publish.

API Gateway's contract for REQUEST authorizers: raising `Exception("Unauthorized")` answers 401 (the token is
missing, not valid or revoked: another may help), a Deny policy (WebSocket API) or `isAuthorized: false` (HTTP
API) answers 403 (a valid token that may not: none helps), any other error 500. That a user has too many
connections is a 429, which an authorizer cannot answer; the function of `$connect` does. API Gateway passes
`context` on: with every later event of the connection, or with the request.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from authorizer.wiring import build
from realtime_core.auth.handshake import find_token, read_headers
from realtime_core.auth.permissions import encode_permissions
from realtime_core.errors import TokenRefused
from realtime_core.initialization import build_at_init
from realtime_core.telemetry.logs import get_logger
from realtime_core.telemetry.metric_catalog import AUTHORIZER_FAULTS, TOKEN_FAILURES
from realtime_core.telemetry.metrics import add, measured

if TYPE_CHECKING:
    from realtime_core.auth.tokens import Identity

log = get_logger(__name__)

_authorizers = build_at_init(build)


class Unauthorized(Exception):
    """API Gateway answers 401 if the message is exactly the word `Unauthorized`."""

    def __init__(self) -> None:
        super().__init__("Unauthorized")


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer a REQUEST authorizer event of either API. Raises Unauthorized for a 401."""
    request = event["requestContext"]
    with measured(
        "authorized", connectionId=request.get("connectionId"), correlationId=request.get("requestId")
    ):
        try:
            # Format 2.0 is of HTTP APIs alone.
            if event.get("version") == "2.0":
                return _authorize_publishing(event)
            return _authorize_connecting(event)
        except TokenRefused:
            raise Unauthorized from None
        except Exception:
            # Lambda logs the error itself, but its Errors metric counts every Unauthorized too.
            add(AUTHORIZER_FAULTS, 1)
            raise


def _authorize_connecting(event: dict[str, Any]) -> dict[str, Any]:
    """Answer a handshake with an IAM policy. Raises TokenRefused for a 401."""
    try:
        token = find_token(read_headers(event), event.get("queryStringParameters"))
        identity = _authorizers().connecting.authorize(token, time.time())
    except TokenRefused as refused:
        _note("connect_refused", refused)
        if refused.status == 401:
            raise
        return _policy("anonymous", "Deny", event["methodArn"], {})

    return _policy(identity.user_id, "Allow", event["methodArn"], _context_of(identity))


def _context_of(identity: Identity) -> dict[str, str]:
    """What later events of the connection carry."""
    context = {
        "userId": identity.user_id,
        "tokenExp": str(identity.token_exp),
        "issuedAt": str(identity.issued_at),
        **encode_permissions(identity.permissions),
    }
    return context if identity.token_id is None else {**context, "tokenId": identity.token_id}


def _policy(principal: str, effect: str, resource: str, context: dict[str, str]) -> dict[str, Any]:
    """The answer for a WebSocket API.

    Outside limits: API Gateway takes a flat context, and returns every value as a string. The whole answer
    has at most 8 KB, which `PERMISSIONS_BYTES_MAX` keeps.
    """
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource}
    return {
        "principalId": principal,
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": context,
    }


def _authorize_publishing(event: dict[str, Any]) -> dict[str, Any]:
    """Answer a request of a publisher, in the simple form of HTTP APIs. Raises TokenRefused for a 401.

    The token is taken from the header alone: a URL is logged on its way. API Gateway keeps the answer for a
    while, so the context says until when the token is good, and `broadcast` compares.
    """
    authorizers = _authorizers()
    try:
        header = (event.get("headers") or {}).get("authorization", "")
        identity = authorizers.publishing.authorize(find_token({"authorization": header}, None), time.time())
    except TokenRefused as refused:
        _note("publisher_refused", refused)
        if refused.status == 401:
            raise
        return {"isAuthorized": False}
    return {"isAuthorized": True, "context": _publisher_context(identity, authorizers.leeway_seconds)}


def _publisher_context(identity: Identity, leeway_seconds: int) -> dict[str, str]:
    return {
        "userId": identity.user_id,
        "validUntil": str(identity.token_exp + leeway_seconds),
        **encode_permissions(identity.permissions),
    }


def _note(event: str, refused: TokenRefused) -> None:
    log.info(event, status=refused.status, reason=refused.reason, detail=refused.detail)
    add(TOKEN_FAILURES, 1, refused.reason)
