"""Lambda authorizer of `$connect`: who is this, and may they connect.

A missing or invalid token is answered 401 by raising `Exception("Unauthorized")`, a valid token that may not
connect 403 by a Deny policy, as API Gateway documents for REQUEST authorizers; anything else is a fault of
ours and becomes a 500. What goes into `context` comes back on every later event of the connection.
"""

from __future__ import annotations

import os
import time
from functools import cache
from typing import Any

from authorizer.connect_authorizer import ConnectAuthorizer
from authorizer.settings import Settings
from realtime_core.auth.dynamodb import DynamoRevocations
from realtime_core.auth.handshake import find_token, read_headers
from realtime_core.auth.tokens import Identity
from realtime_core.auth.verifier import token_verifier
from realtime_core.aws.client import client
from realtime_core.connections.dynamodb import DynamoConnectionCounts
from realtime_core.errors import TokenRefused
from realtime_core.settings import read
from realtime_core.telemetry.logs import bind, get_logger
from realtime_core.telemetry.metric_catalog import AUTHORIZER_FAULTS, TOKEN_FAILURES
from realtime_core.telemetry.metrics import add, measured

log = get_logger(__name__)


class Unauthorized(Exception):
    """API Gateway answers 401 exactly where the message is the word `Unauthorized`."""

    def __init__(self) -> None:
        super().__init__("Unauthorized")


@cache
def _authorizer() -> ConnectAuthorizer:
    settings = read(Settings, os.environ)
    dynamodb = client("dynamodb")
    return ConnectAuthorizer(
        verifier=token_verifier(settings),
        revocations=DynamoRevocations(dynamodb, settings.revocations_table),
        connections=DynamoConnectionCounts(dynamodb, settings.connections_table),
        max_connections_per_user=settings.max_connections_per_user,
    )


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
            log.info("connect_refused", status=refused.status, reason=refused.reason)
            add(TOKEN_FAILURES, 1, refused.reason)
            if refused.status == 401:
                raise Unauthorized from None
            return _policy("anonymous", "Deny", event["methodArn"], {})
        except Exception:
            # Lambda logs the error itself; its own Errors count every Unauthorized too.
            add(AUTHORIZER_FAULTS, 1)
            raise
        bind(userId=identity.user_id)
        return _policy(identity.user_id, "Allow", event["methodArn"], _context_of(identity))


def _context_of(identity: Identity) -> dict[str, str]:
    """Outside limit: API Gateway takes a flat object, and hands every value back as a string."""
    context = {
        "userId": identity.user_id,
        "tokenExp": str(identity.token_exp),
        "issuedAt": str(identity.issued_at),
    }
    return context if identity.token_id is None else {**context, "tokenId": identity.token_id}


def _policy(principal: str, effect: str, resource: str, context: dict[str, str]) -> dict[str, Any]:
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource}
    return {
        "principalId": principal,
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": context,
    }
