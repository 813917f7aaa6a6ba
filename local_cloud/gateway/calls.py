"""AWS calls on the wire: which operation a request calls, and errors in the protocol of the caller."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local_cloud.limits.settings import Refusal

_CREDENTIAL_SERVICE = re.compile(r"Credential=[^/]+/\d{8}/[^/]+/([^/]+)/aws4_request")
# REST protocols carry no operation name; these are the calls that this project makes.
_REST = (
    ("lambda", "POST", re.compile(r"^/2015-03-31/functions/[^/]+/invocations$"), "Invoke"),
    ("execute-api", "POST", re.compile(r"/@connections/"), "PostToConnection"),
    ("execute-api", "GET", re.compile(r"/@connections/"), "GetConnection"),
    ("execute-api", "DELETE", re.compile(r"/@connections/"), "DeleteConnection"),
)
# The names of errors that differ between the JSON and the query protocols.
_QUERY_NAMES = {"InvalidSignatureException": "SignatureDoesNotMatch"}


def identify_call(method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[str, str]:
    """Return service and operation of an AWS call, each `*` where the request does not show it."""
    credential = _CREDENTIAL_SERVICE.search(headers.get("Authorization", ""))
    service = credential[1] if credential else "*"
    for rest_service, rest_method, pattern, operation in _REST:
        if method == rest_method and pattern.search(path):
            return rest_service, operation
    target = headers.get("X-Amz-Target", "")
    if target:
        return service, target.rpartition(".")[2]
    smithy = re.search(r"/service/[^/]+/operation/([^/?]+)", path)
    action = re.search(rb"(?:^|&)Action=(\w+)", body)
    if smithy:
        return service, smithy[1]
    return service, action[1].decode() if action else "*"


def build_error_response(refusal: Refusal, headers: Mapping[str, str], service: str) -> web.Response:
    """Return an error in the form of the caller's protocol."""
    error, message = refusal.error, refusal.message
    query_name = _QUERY_NAMES.get(error, error)
    error_headers = {"x-amzn-ErrorType": error, "x-amzn-RequestId": "local-cloud"}

    if headers.get("smithy-protocol") == "rpc-v2-cbor":
        error_headers["smithy-protocol"] = "rpc-v2-cbor"
        content_type, body = "application/cbor", _encode_cbor({"__type": error, "message": message})
    elif headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
        detail = f"<Type>Sender</Type><Code>{query_name}</Code><Message>{message}</Message>"
        text = f"<ErrorResponse><Error>{detail}</Error><RequestId>0</RequestId></ErrorResponse>"
        content_type, body = "text/xml", text.encode()
    elif service == "s3":
        text = f"<Error><Code>{query_name}</Code><Message>{message}</Message></Error>"
        content_type, body = "application/xml", text.encode()
    else:
        if service == "sqs":
            # The JSON protocol's clients read the query protocol's name from this header.
            error_headers["x-amzn-query-error"] = f"{error};Sender"
        details = refusal.details or {}
        text = json.dumps({"__type": error.rpartition(".")[2], "message": message, **details})
        content_type, body = "application/json", text.encode()
    return web.Response(status=refusal.status, body=body, content_type=content_type, headers=error_headers)


def _encode_cbor(texts: Mapping[str, str]) -> bytes:
    """Encode a small map of texts (RFC 8949)."""
    items = (item.encode() for pair in texts.items() for item in pair)
    return bytes([0xA0 + len(texts)]) + b"".join(b"\x79" + len(item).to_bytes(2) + item for item in items)
