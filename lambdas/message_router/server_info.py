"""What a server tells its clients of itself in `statusUpdate`: which parts of the protocol they may use."""

from __future__ import annotations

from typing import Any

from realtime_core.wire.frames import FRAME_BYTES_MAX

PROTOCOL_VERSION = 1

HEARTBEAT_SECONDS = 9 * 60
"""After so long without a frame a heartbeat is due. Outside limit: API Gateway closes a connection that was
idle for ten minutes."""

FEATURES = (
    "closing",
    "eventFilters",
    "expiresAt",
    "getEvents",
    "inboxCursor",
    "keepAlive",
    "presence",
    "recent",
)
"""What came after the first release, which says nothing of itself. Names are added and never change."""


def server_info(now: int) -> dict[str, Any]:
    """The field `server` of a `statusUpdate` at `now`, epoch seconds."""
    return {
        "protocol": PROTOCOL_VERSION,
        "time": now,
        "heartbeatSeconds": HEARTBEAT_SECONDS,
        "frameBytesMax": FRAME_BYTES_MAX,
        "features": list(FEATURES),
    }
