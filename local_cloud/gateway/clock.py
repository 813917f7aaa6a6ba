"""The clock of timeouts and throttles, which a test may advance or speed up.

Timestamps in events, logs and metrics are wall time, since functions compare them with their own clock.
"""

from __future__ import annotations

import time


class Clock:
    """A monotonic clock that runs in real time until a test changes it."""

    def __init__(self) -> None:
        self._base = 0.0
        self._since = time.monotonic()
        self._speed = 1.0

    def now(self) -> float:
        """Return the seconds since the clock was created; never goes back."""
        return self._base + (time.monotonic() - self._since) * self._speed

    @property
    def speed(self) -> float:
        """How many seconds of the clock pass in one real second."""
        return self._speed

    def advance(self, seconds: float) -> None:
        """Jump ahead by `seconds`. Raises ValueError for a negative number."""
        if seconds < 0:
            raise ValueError("advance: a clock cannot go back; give 0 or more seconds")
        self._base += seconds

    def run_at(self, speed: float) -> None:
        """Run at `speed` seconds per real second from now on. Raises ValueError unless positive."""
        if speed <= 0:
            raise ValueError("speed: give a number above 0; 1 is real time")
        self._base, self._since, self._speed = self.now(), time.monotonic(), speed
