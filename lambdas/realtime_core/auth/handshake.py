"""The WebSocket handshake: where a client puts its token, and which subprotocol the service selects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from realtime_core.errors import TokenRefused

SUBPROTOCOL = "deals.v1"
_JWT_DOTS = 2


def read_headers(event: Mapping[str, Any]) -> dict[str, str]:
    """The headers of a handshake event; several values of a header are joined by commas (RFC 9110, 5.3).

    The event's own `headers` holds only the last line of a repeated header.
    """
    lines = event.get("multiValueHeaders") or {}
    return {**(event.get("headers") or {}), **{name: ", ".join(values) for name, values in lines.items()}}


def find_token(headers: Mapping[str, str] | None, query: Mapping[str, str] | None) -> str:
    """The token from the Authorization header, Sec-WebSocket-Protocol or the query's `token`, in that order.

    Header names are case-insensitive. Raises TokenRefused(401, "missing") if there is no token.
    """
    scheme, _, credentials = _header(headers, "authorization").strip().partition(" ")
    if scheme.lower() == "bearer" and (token := credentials.strip()):
        return token
    for offer in _offers(headers):
        # Browsers can set no other header; the token is the offered protocol that looks like a JWT.
        if offer.count(".") == _JWT_DOTS:
            return offer
    if query and (token := (query.get("token") or "").strip()):
        return token
    raise TokenRefused(401, "missing")


def select_subprotocol(headers: Mapping[str, str] | None) -> str | None:
    """The subprotocol for the response: the service's own if the client offers it, else None."""
    return SUBPROTOCOL if SUBPROTOCOL in _offers(headers) else None


def _offers(headers: Mapping[str, str] | None) -> list[str]:
    return [offer.strip() for offer in _header(headers, "sec-websocket-protocol").split(",")]


def _header(headers: Mapping[str, str] | None, wanted: str) -> str:
    for name, value in (headers or {}).items():
        if name.lower() == wanted:
            return value or ""
    return ""
