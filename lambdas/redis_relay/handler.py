"""Lambda that a schedule starts each minute: one invocation relays for minutes, the others end at once."""

from __future__ import annotations

import asyncio
from typing import Any

from realtime_core.initialization import build_at_init
from realtime_core.telemetry.logs import get_logger
from realtime_core.telemetry.metrics import measured
from redis_relay.wiring import build, open_relay

log = get_logger(__name__)

_components = build_at_init(build)

RESERVE_SECONDS = 5.0
"""Left over at the end of the function's time."""


def handler(_event: object, context: Any) -> dict[str, Any]:
    """Relay until a successor takes over. Returns `{"outcome": "relayed"}`, or `"busy"` if another relays."""
    with measured("relay_measured", correlationId=context.aws_request_id):
        seconds = context.get_remaining_time_in_millis() / 1000 - RESERVE_SECONDS
        with open_relay(_components(), seconds) as relay:
            outcome = asyncio.run(relay.run())
        log.info("relay_ended", outcome=outcome)
        return {"outcome": outcome}
