"""The events that API Gateway passes to functions: payload format 1.0 of WebSocket APIs.

Shapes: recorded samples in github.com/aws/aws-lambda-go, events/testdata/apigw-websocket-request-*.json,
and docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-lambda-auth.html.
"""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Event = dict[str, Any]


def create_id() -> str:
    """Return an id like API Gateway's: 11 random bytes in URL-safe base64, `L0SM9cOFvHcCIhw=`."""
    return base64.urlsafe_b64encode(os.urandom(11)).decode()


def now_ms() -> int:
    """Return the wall time in epoch milliseconds."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Handshake:
    """The request with which a client opens a connection."""

    headers: tuple[tuple[str, str], ...]
    query: tuple[tuple[str, str], ...]
    source_ip: str

    def header(self, name: str) -> str | None:
        """Return the last header of that name, case-insensitively, or None."""
        return next((v for k, v in reversed(self.headers) if k.lower() == name.lower()), None)


@dataclass(slots=True)
class Peer:
    """One connection as events describe it; `authorizer` is the authorizer's context."""

    api_id: str
    stage: str
    handshake: Handshake
    connection_id: str = field(default_factory=create_id)
    connected_at: int = field(default_factory=now_ms)
    authorizer: dict[str, str] | None = None

    @property
    def identity(self) -> dict[str, str]:
        """`userAgent` (only if the client sent one) and `sourceIp`."""
        agent = self.handshake.header("User-Agent")
        return ({"userAgent": agent} if agent else {}) | {"sourceIp": self.handshake.source_ip}

    @property
    def domain(self) -> str:
        """No real host: a function that builds its endpoint from it fails instead of calling AWS."""
        return f"{self.api_id}.execute-api.localhost"


def _build_context(peer: Peer, route_key: str, event_type: str, received_ms: int | None = None) -> Event:
    request_id, at = create_id(), now_ms() if received_ms is None else received_ms
    context: Event = {
        "routeKey": route_key,
        "eventType": event_type,
        "extendedRequestId": request_id,
        "requestTime": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(at / 1000)),
        "messageDirection": "IN",
        "stage": peer.stage,
        "connectedAt": peer.connected_at,
        "requestTimeEpoch": at,
        "identity": peer.identity,
        "requestId": request_id,
        "domainName": peer.domain,
        "connectionId": peer.connection_id,
        "apiId": peer.api_id,
    }
    if peer.authorizer is not None:
        context["authorizer"] = peer.authorizer
    return context


def _group(pairs: tuple[tuple[str, str], ...]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for name, value in pairs:
        grouped.setdefault(name, []).append(value)
    return grouped


def _build_request_fields(handshake: Handshake) -> Event:
    headers = _group(handshake.headers)
    fields: Event = {"headers": {k: v[-1] for k, v in headers.items()}, "multiValueHeaders": headers}
    if handshake.query:
        query = _group(handshake.query)
        fields["queryStringParameters"] = {k: v[-1] for k, v in query.items()}
        fields["multiValueQueryStringParameters"] = query
    return fields


def build_connect_event(peer: Peer) -> Event:
    """Return the event of `$connect`."""
    return {
        **_build_request_fields(peer.handshake),
        "requestContext": _build_context(peer, "$connect", "CONNECT"),
        "isBase64Encoded": False,
    }


def build_authorizer_event(connect_event: Event, function: str, variables: Mapping[str, str]) -> Event:
    """Return the event of a REQUEST authorizer; Region and account are those of its `function` (an ARN)."""
    context = connect_event["requestContext"]
    region, account = function.split(":")[3:5]
    event = {k: v for k, v in connect_event.items() if k != "isBase64Encoded"}
    event |= {
        "type": "REQUEST",
        "methodArn": f"arn:aws:execute-api:{region}:{account}:{context['apiId']}/{context['stage']}/$connect",
    }
    return event | ({"stageVariables": dict(variables)} if variables else {})


def build_message_event(peer: Peer, route_key: str, body: str, received_ms: int) -> Event:
    """The event of a client's message: no headers, no query."""
    context = _build_context(peer, route_key, "MESSAGE", received_ms)
    context["messageId"] = create_id()
    return {"requestContext": context, "body": body, "isBase64Encoded": False}


def build_disconnect_event(peer: Peer, code: int, reason: str) -> Event:
    """Return the event of `$disconnect`."""
    headers = {"Host": peer.domain, "x-api-key": "", "X-Forwarded-For": "", "x-restapi": ""}
    context = _build_context(peer, "$disconnect", "DISCONNECT")
    context |= {"disconnectStatusCode": code, "disconnectReason": reason}
    return {
        "headers": headers,
        "multiValueHeaders": {k: [v] for k, v in headers.items()},
        "requestContext": context,
        "isBase64Encoded": False,
    }
