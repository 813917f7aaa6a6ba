"""The control call that restarts the emulator: all of AWS is away for seconds, while WebSockets stay open."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from local_cloud.gateway.control_calls import Unavailable
from local_cloud.settings import CloudFailed

if TYPE_CHECKING:
    from local_cloud.emulator import Emulator
    from local_cloud.gateway.control_calls import ControlCalls


class EmulatorCalls:
    """What the control API does to the emulator."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    def calls(self) -> ControlCalls:
        """Return the calls by method and path."""
        return {"POST emulator/restart": self._restart}

    async def _restart(self, _: dict[str, Any]) -> dict[str, Any]:
        """Restart it. Raises Unavailable where it keeps no state, or does not start."""
        started = time.monotonic()
        try:
            await self._emulator.restart()
        except CloudFailed as error:
            raise Unavailable(f"emulator: {error}") from error
        return {"seconds": round(time.monotonic() - started, 3)}
