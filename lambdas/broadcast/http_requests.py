"""Requests of the publish API: what an HTTP API hands to its function, and what it answers with. No I/O.

Outside shape: docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html,
payload format 2.0. API Gateway alone writes `requestContext`, and so who called; the publisher writes the
body, a text in it, which is never read as anything but events.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from realtime_core.auth.permissions import Permissions, decode_permissions
from realtime_core.errors import Problem
from realtime_core.wire.json_problems import is_unicode, parse_text
from realtime_core.wire.strict_json import byte_length, dumps

BODY_BYTES_MAX = 4 * 1024 * 1024
"""Outside limits: API Gateway takes 10 MB, and an invocation 6 MB, in which the body is a JSON text: each
quotation mark takes a byte more there."""
ANSWER_SECONDS = 28.0
"""From when API Gateway received the request. Outside limit: it waits 30 seconds for a function."""
RETRY_AFTER_SECONDS = 1


class HttpRefused(Exception):
    """A request that is not worked off: its status, and the problem of the part that is at fault."""

    def __init__(self, status: int, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.status = status
        self.problem = Problem(field, problem)


class Request(NamedTuple):
    """What a publisher asks for: events, decoded, and what it may do (None: everything)."""

    raw: Any
    caller: str
    permissions: Permissions | None
    received_at: float
    """When API Gateway received it, epoch seconds."""


def read_request(event: dict[str, Any], now: float) -> Request:
    """Read a request at the time `now` (epoch seconds). Raises HttpRefused, ValidationFailed for the body."""
    context = event["requestContext"]
    caller, permissions = _read_caller(context, now)
    received_ms = context.get("timeEpoch")
    received_at = received_ms / 1000 if isinstance(received_ms, int | float) else now
    headers = event.get("headers") or {}
    _check_content(headers.get("content-type"), headers.get("content-encoding"))
    return Request(_read_body(event), caller, permissions, received_at)


def _read_caller(context: dict[str, Any], now: float) -> tuple[str, Permissions | None]:
    """Who called, by what API Gateway says of it. A request of nobody is refused, whatever let it through."""
    authorizer = context.get("authorizer")
    known = authorizer if isinstance(authorizer, dict) else {}
    iam, granted = known.get("iam"), known.get("lambda")

    if isinstance(iam, dict):
        # IAM let the caller in, as it does for an invoke, and an invoke may publish everything.
        return str(iam.get("userArn") or iam.get("accessKey") or "iam"), None
    if isinstance(granted, dict) and isinstance(granted.get("userId"), str) and "validUntil" in granted:
        # API Gateway keeps what the authorizer said, also beyond the end of the token.
        if now >= float(granted["validUntil"]):
            raise HttpRefused(401, "authorization", "the token has expired")
        return granted["userId"], decode_permissions(granted)
    raise HttpRefused(
        403, "authorization", "the route has no authorization that the service knows; see docs/publishing.md"
    )


def _check_content(content_type: Any, content_encoding: Any) -> None:
    kind = str(content_type or "application/json").partition(";")[0].strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise HttpRefused(415, "content-type", f"must be application/json, not {kind:.100}")
    if content_encoding and str(content_encoding).strip().lower() != "identity":
        raise HttpRefused(415, "content-encoding", "must be left out: API Gateway hands the body on as it is")


def _read_body(event: dict[str, Any]) -> Any:
    """The JSON of the body. API Gateway encodes in base64 what it does not take for a text."""
    body = event.get("body") or ""
    if not is_unicode(body):
        raise HttpRefused(400, "body", "holds half of a surrogate pair, which is not Unicode text")
    size = len(body) * 3 // 4 if event.get("isBase64Encoded") else byte_length(body)
    if size > BODY_BYTES_MAX:
        raise HttpRefused(413, "body", f"is too large: {size} bytes; at most {BODY_BYTES_MAX} are allowed")
    return parse_text(_decode_base64(body) if event.get("isBase64Encoded") else body, "body")


def _decode_base64(body: str) -> bytes:
    from base64 import b64decode  # noqa: PLC0415 - few requests need it

    try:
        return b64decode(body, validate=True)
    except ValueError as error:
        raise HttpRefused(400, "body", f"is not base64: {error}") from error


def response(status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> dict[str, Any]:
    """The answer of the function, in the form that HTTP APIs read."""
    own = {"content-type": "application/json", "cache-control": "no-store"}
    return {"statusCode": status, "headers": own | (headers or {}), "body": dumps(body)}


def refused_response(refused: HttpRefused) -> dict[str, Any]:
    """The answer to a request that was not worked off."""
    return response(refused.status, {"broadcast": "rejected", "errors": [refused.problem.as_dict()]})
