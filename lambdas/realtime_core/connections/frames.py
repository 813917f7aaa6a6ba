"""The frames that warn a client before its token expires or its connection ends."""

from __future__ import annotations

from realtime_core.lifetimes import CONNECTION_LIFETIME_SECONDS
from realtime_core.wire.frames import frame

GRACE_STEP_SECONDS = 30
"""`graceSeconds` is rounded down to a multiple of this, so that many connections share a frame."""


def warning_frame(token_exp: int, now: int) -> str:
    """The `tokenExpiring` frame."""
    return frame("tokenExpiring", {"expiresAt": token_exp}, now=now)


def hand_over_frame(connected_at: int, now: int) -> str:
    """The `reconnect` frame; API Gateway keeps the connection open for at least `graceSeconds`."""
    left = max(0, connected_at + CONNECTION_LIFETIME_SECONDS - now)
    grace = left - left % GRACE_STEP_SECONDS
    return frame("reconnect", {"reason": "connectionLifetime", "graceSeconds": grace}, now=now)
