"""Lifetimes in seconds. Apart from the values that they limit, because not every function loads those."""

from __future__ import annotations

DAY_SECONDS = 24 * 60 * 60

CONNECTION_LIFETIME_SECONDS = 2 * 60 * 60
"""Outside limit: API Gateway closes every WebSocket connection after two hours."""

HANDSHAKE_SECONDS_MAX = 30
"""How long after its `connected_at` a connection may still be in its handshake: the authorizer and then
`$connect` may run for ten seconds each, which a test compares. Outside limit: only then does API Gateway open
the connection, and until then it answers 410."""

CLOSE_AFTER_SECONDS = 60
"""How long a connection stays open after its token has expired, so that the client can refresh it."""

REVOCATION_LIFETIME_SECONDS = 400 * DAY_SECONDS
"""How long a revocation is stored. A token that outlives it is valid again, so none should live that long."""

REPEAT_LIFETIME_SECONDS = DAY_SECONDS
"""How long a repeated request or event id returns the first result."""


def is_expired(expires_at: int | None, now: int) -> bool:
    """Whether an event is no longer news: it is neither pushed nor replayed after its last second."""
    return expires_at is not None and now > expires_at
