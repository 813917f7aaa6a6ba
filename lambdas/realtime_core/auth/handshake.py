"""What a client sends while it connects: where its token is, and which subprotocol it offers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from realtime_core.errors import TokenRefused

SUBPROTOCOL = "deals.v1"
_JWT_DOTS = 2


def headers_of(event: Mapping[str, Any]) -> dict[str, str]:
    """The headers of a handshake event, each with all its values, joined as RFC 9110, 5.3, has it.

    `headers` of an event holds only the last line of a header that was sent in several.
    """
    lines = event.get("multiValueHeaders") or {}
    return {**(event.get("headers") or {}), **{name: ", ".join(values) for name, values in lines.items()}}


def token_of(headers: Mapping[str, str] | None, query: Mapping[str, str] | None) -> str:
    """The token, from the first place that holds one: Authorization, Sec-WebSocket-Protocol, `token=`.

    Header names are compared without case. Raises TokenRefused(401, "missing").
    """
    scheme, _, credentials = _header(headers, "authorization").strip().partition(" ")
    if scheme.lower() == "bearer" and (token := credentials.strip()):
        return token
    for offer in _offers(headers):
        # Browsers can send no header but this one; a JWT is the offer that looks like one.
        if offer.count(".") == _JWT_DOTS:
            return offer
    if query and (token := (query.get("token") or "").strip()):
        return token
    raise TokenRefused(401, "missing")


def subprotocol(headers: Mapping[str, str] | None) -> str | None:
    """The subprotocol to select in the answer: ours if the client offers it, else none."""
    return SUBPROTOCOL if SUBPROTOCOL in _offers(headers) else None


def _offers(headers: Mapping[str, str] | None) -> list[str]:
    return [offer.strip() for offer in _header(headers, "sec-websocket-protocol").split(",")]


def _header(headers: Mapping[str, str] | None, wanted: str) -> str:
    for name, value in (headers or {}).items():
        if name.lower() == wanted:
            return value or ""
    return ""
