"""Heartbeats that reach the function: `keepAlive`, where the API has no route for it.

API Gateway takes `keepAlive` itself, and nothing comes back. On an API without that route it comes by
`$default`, whose route response sends a frame in any case, an empty one if need be. So the answer is a
`pong`, which every client knows: never an error, whatever the frame holds.
"""

from __future__ import annotations

from realtime_core.wire.frames import frame, read_request_id
from realtime_core.wire.json_problems import parse_leniently

KEEP_ALIVE = "keepAlive"


def answer_heartbeat(body: str | None, now: int) -> str | None:
    """The frame that answers a `keepAlive`, or None for any other frame. `now` is in epoch seconds."""
    if body is None or KEEP_ALIVE not in body:
        return None
    value = parse_leniently(body)
    if not isinstance(value, dict) or value.get("action") != KEEP_ALIVE:
        return None
    return frame("pong", {}, now=now, request_id=read_request_id(value))
