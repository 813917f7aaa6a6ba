"""The WebSocket handshake: where a client puts its token, and which subprotocol the service selects."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from realtime_core.errors import TokenRefused
from realtime_core.wire.strict_json import loads

SUBPROTOCOL = "deals.v1"


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
    # Browsers can set no other header.
    if token := _offered_token(_offers(headers)):
        return token
    if query and (token := (query.get("token") or "").strip()):
        return token
    raise TokenRefused(401, "missing")


def _offered_token(offers: Sequence[str]) -> str:
    """The token among the offers, or "".

    Other protocols may stand anywhere. So it is the first offer after the service's own that begins as a JWT
    does, else any that does, else whatever follows the service's own: that gets the answer to a bad token.
    """
    after = offers[offers.index(SUBPROTOCOL) + 1 :] if SUBPROTOCOL in offers else ()
    candidates = (*after, *offers)
    return next(filter(_is_jwt, candidates), after[0] if after else "")


def _is_jwt(offer: str) -> bool:
    """Whether the part before the first dot is a JSON object in base64url, as the header of a JWT is."""
    header, dot, _ = offer.partition(".")
    if not dot:
        return False
    try:
        decoded = loads(base64.b64decode(header + "=" * (-len(header) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error):
        return False
    return isinstance(decoded, dict)


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
