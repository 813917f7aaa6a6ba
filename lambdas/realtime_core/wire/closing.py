"""The frame that tells a client why the server closes its connection: API Gateway always closes with 1000."""

from __future__ import annotations

from typing import Any, Literal

from realtime_core.wire.frames import frame

ClosingReason = Literal["expired", "revoked", "blocked", "kicked", "replaced", "handover"]

# With another token, if the reason is the token. A blocked user is refused until unblocked; a connection that
# was replaced by the user's own newest would replace another by coming back.
_MAY_RECONNECT: dict[ClosingReason, bool] = {
    "expired": True,
    "revoked": True,
    "blocked": False,
    "kicked": True,
    "replaced": False,
    "handover": True,
}


def closing_frame(reason: ClosingReason, now: int, *, retry_after_ms: int | None = None) -> str:
    """The `closing` frame at `now` (epoch seconds): the reason, and whether and when to connect again."""
    data: dict[str, Any] = {"reason": reason, "reconnect": _MAY_RECONNECT[reason]}
    if retry_after_ms is not None:
        data["retryAfterMs"] = retry_after_ms
    return frame("closing", data, now=now)
