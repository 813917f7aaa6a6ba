"""Who sent a request, and what it is answered with."""

from __future__ import annotations

from typing import Any, NamedTuple

from realtime_core.auth.permissions import UNRESTRICTED, Permissions

Reply = tuple[str, dict[str, Any]]
"""The type and data of a reply frame."""


class Caller(NamedTuple):
    """The user and connection that sent the request; `token_exp` is the verified expiry, in epoch seconds."""

    connection_id: str
    user_id: str
    token_exp: int
    correlation_id: str
    """The id of the request in all logs, also behind the queue."""
    received_ms: int
    """When API Gateway received the request, epoch milliseconds."""
    connected_at: int | None = None
    """When the connection was made, epoch seconds, as API Gateway and so its record have it."""
    permissions: Permissions = UNRESTRICTED
