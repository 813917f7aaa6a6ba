"""Lambda authorizer of `$connect`: verifies the token, and decides whether its user may connect.

API Gateway's contract for REQUEST authorizers: raising `Exception("Unauthorized")` answers the handshake 401
(the token is missing, not valid or revoked: another may help), a Deny policy answers 403 (a valid token that
may not connect: none helps), any other error 500. That a user has too many connections is a 429, which an
authorizer cannot answer; the function of `$connect` does. API Gateway passes `context` on with every later
event of the connection.
"""

from __future__ import annotations

import time
from typing import Any

from authorizer.wiring import build
from realtime_core.auth.handshake import find_token, read_headers
from realtime_core.auth.permissions import encode_permissions
from realtime_core.auth.tokens import Identity
from realtime_core.errors import TokenRefused
from realtime_core.initialization import build_at_init
from realtime_core.telemetry.logs import get_logger
from realtime_core.telemetry.metric_catalog import AUTHORIZER_FAULTS, TOKEN_FAILURES
from realtime_core.telemetry.metrics import add, measured

log = get_logger(__name__)

_authorizer = build_at_init(build)


class Unauthorized(Exception):
    """API Gateway answers 401 if the message is exactly the word `Unauthorized`."""

    def __init__(self) -> None:
        super().__init__("Unauthorized")


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer a REQUEST authorizer event with an IAM policy. Raises Unauthorized for a 401."""
    request = event["requestContext"]
    with measured(
        "authorized", connectionId=request.get("connectionId"), correlationId=request.get("requestId")
    ):
        try:
            token = find_token(read_headers(event), event.get("queryStringParameters"))
            identity = _authorizer().authorize(token, time.time())
        except TokenRefused as refused:
            log.info("connect_refused", status=refused.status, reason=refused.reason, detail=refused.detail)
            add(TOKEN_FAILURES, 1, refused.reason)
            if refused.status == 401:
                raise Unauthorized from None
            return _policy("anonymous", "Deny", event["methodArn"], {})
        except Exception:
            # Lambda logs the error itself, but its Errors metric counts every Unauthorized too.
            add(AUTHORIZER_FAULTS, 1)
            raise

        return _policy(identity.user_id, "Allow", event["methodArn"], _context_of(identity))


def _context_of(identity: Identity) -> dict[str, str]:
    """What later events of the connection carry.

    Outside limits: API Gateway takes a flat object, and returns every value as a string. The whole answer has
    at most 8 KB, which `PERMISSIONS_BYTES_MAX` keeps.
    """
    context = {
        "userId": identity.user_id,
        "tokenExp": str(identity.token_exp),
        "issuedAt": str(identity.issued_at),
        **encode_permissions(identity.permissions),
    }
    return context if identity.token_id is None else {**context, "tokenId": identity.token_id}


def _policy(principal: str, effect: str, resource: str, context: dict[str, str]) -> dict[str, Any]:
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource}
    return {
        "principalId": principal,
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": context,
    }
