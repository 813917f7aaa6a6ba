"""Kills a function's processes in the middle of a call: one under way, or else the next that it makes."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Any

from local_cloud.function_processes import kill_function, require_processes
from local_cloud.gateway.control_calls import NotFound
from local_cloud.gateway.events import now_ms
from local_cloud.gateway.places import function_place

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_cloud.gateway.traffic import Traffic

ARMED_S = 30.0
_KEPT = 20


class Kills:
    """The functions to kill; `endpoint` is the cloud's own, by which its processes are known."""

    def __init__(self, endpoint: str, traffic: Traffic, now: Callable[[], float] = time.monotonic) -> None:
        self._endpoint, self._traffic, self._now = endpoint, traffic, now
        self._armed: dict[str, float] = {}
        self._done: deque[dict[str, Any]] = deque(maxlen=_KEPT)

    def request(self, function: str) -> dict[str, Any]:
        """Kill a function by its full name if a call is under way, else at its next call within ARMED_S.

        Raises NotFound where no process can be found.
        """
        try:
            require_processes()
        except LookupError as error:
            raise NotFound(str(error)) from error
        place = function_place(function)
        killed = self._kill(function) if self._traffic.is_busy(place) else 0
        if not killed:
            self._armed[place] = self._now() + ARMED_S
        return {"killed": killed, "armed": not killed}

    def strike(self, place: str) -> bool:
        """Kill the function that makes a call, if that was asked for; return whether it was killed."""
        until = self._armed.get(place)
        if until is None:
            return False
        del self._armed[place]
        return self._now() <= until and self._kill(place.removeprefix("function:")) > 0

    def describe(self) -> dict[str, Any]:
        """Return the seconds for which functions are still to be killed, and the last kills."""
        now = self._now()
        armed = {
            place.removeprefix("function:"): round(until - now, 1) for place, until in self._armed.items()
        }
        return {
            "armed": [{"function": name, "seconds": left} for name, left in armed.items() if left > 0],
            "kills": list(self._done),
        }

    def _kill(self, function: str) -> int:
        killed = kill_function(function, self._endpoint)
        if killed:
            self._done.append({"at_ms": now_ms(), "function": function, "killed": killed})
        return killed
