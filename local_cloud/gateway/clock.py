"""The clock of timeouts and throttles, which a test may advance or speed up.

Time stamps that leave the gateway (events, logs, metrics) are wall time: functions compare them with
their own clock.
"""

from __future__ import annotations

import time


class Clock:
    """Seconds that pass as real ones do until someone interferes."""

    def __init__(self) -> None:
        self._base = 0.0
        self._since = time.monotonic()
        self._speed = 1.0

    def now(self) -> float:
        """Seconds since the clock was made; never goes back."""
        return self._base + (time.monotonic() - self._since) * self._speed

    @property
    def speed(self) -> float:
        """How many of the clock's seconds pass in a real one."""
        return self._speed

    def advance(self, seconds: float) -> None:
        """Jump ahead. Raises ValueError for a negative number."""
        if seconds < 0:
            raise ValueError("advance: a clock cannot go back; give 0 or more seconds")
        self._base += seconds

    def run_at(self, speed: float) -> None:
        """Pass `speed` seconds per real second from now on. Raises ValueError unless positive."""
        if speed <= 0:
            raise ValueError("speed: give a number above 0; 1 is real time")
        self._base, self._since, self._speed = self.now(), time.monotonic(), speed
