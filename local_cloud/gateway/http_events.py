"""The events that an HTTP API passes to its functions: payload format 2.0.

docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html and
http-api-lambda-authorizer.html there; recorded in tests/events/http_request.json.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from local_cloud.gateway.events import Event, create_id, now_ms

# Other bodies are handed on in base64.
_TEXTS = frozenset({"application/json", "application/xml", "application/javascript"})


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request for an HTTP API; `path` is that below the stage."""

    api_id: str
    stage: str
    method: str
    path: str
    query_string: str
    query: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, str], ...]
    body: bytes
    source_ip: str
    request_id: str = field(default_factory=create_id)
    received_ms: int = field(default_factory=now_ms)

    @property
    def full_path(self) -> str:
        """The path with the stage, as the default endpoint has it."""
        return self.path if self.stage == "$default" else f"/{self.stage}{self.path}"

    @property
    def joined_headers(self) -> dict[str, str]:
        """Headers by lower-case name; several of one name are joined by commas."""
        added = [("x-forwarded-for", self.source_ip), ("x-forwarded-proto", "https")]
        return _join([(name.lower(), value) for name, value in self.headers] + added)


def _join(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def build_request_event(
    request: HttpRequest, route_key: str, account: str, authorizer: Mapping[str, Any] | None
) -> Event:
    """Return the event of the integration; `authorizer` is the context of a Lambda authorizer, if one ran."""
    event = _build_common(request, route_key, account)
    if authorizer is not None:
        event["requestContext"]["authorizer"] = {"lambda": dict(authorizer)}
    if not request.body:
        return event | {"isBase64Encoded": False}
    if _is_text(event["headers"].get("content-type", "")):
        return event | {"body": request.body.decode("utf-8", "replace"), "isBase64Encoded": False}
    return event | {"body": base64.b64encode(request.body).decode(), "isBase64Encoded": True}


def build_authorizer_event(
    request: HttpRequest, route_key: str, function: str, identity: Sequence[str]
) -> Event:
    """Return the event of a Lambda authorizer; Region and account are those of its `function` (an ARN)."""
    region, account = function.split(":")[3:5]
    path = f"{request.api_id}/{request.stage}/{request.method}{request.path}"
    return {
        "type": "REQUEST",
        "routeArn": f"arn:aws:execute-api:{region}:{account}:{path}",
        "identitySource": list(identity),
        **_build_common(request, route_key, account),
    }


def _build_common(request: HttpRequest, route_key: str, account: str) -> Event:
    headers, domain = request.joined_headers, f"{request.api_id}.execute-api.localhost"
    began = time.gmtime(request.received_ms / 1000)

    event: Event = {
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": request.full_path,
        "rawQueryString": request.query_string,
        "headers": headers,
        "requestContext": {
            "accountId": account,
            "apiId": request.api_id,
            "domainName": domain,
            "domainPrefix": request.api_id,
            "http": {
                "method": request.method,
                "path": request.full_path,
                "protocol": "HTTP/1.1",
                "sourceIp": request.source_ip,
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": request.request_id,
            "routeKey": route_key,
            "stage": request.stage,
            "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", began),
            "timeEpoch": request.received_ms,
        },
    }

    if request.query:
        event["queryStringParameters"] = _join(request.query)
    return event


def _is_text(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return kind.startswith("text/") or kind in _TEXTS
