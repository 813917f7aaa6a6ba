"""Leaving alone what has just failed: so a fault costs one wait now and then, and not one for each call."""

from __future__ import annotations

import time
from collections.abc import Callable

FIRST_SECONDS = 2.0
LONGEST_SECONDS = 30.0


class Breaker:
    """Closed until a fault; then open for two seconds, doubled by each further fault up to half a minute.

    When that time is over the next caller tries: it is the probe, and what comes of it decides.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._wait = FIRST_SECONDS
        self._open_until = 0.0
        self.reason: str | None = None
        """Why it opened; None while all is well."""

    def allows(self) -> bool:
        """Whether to try."""
        return self.reason is None or self._clock() >= self._open_until

    def failed(self, reason: str) -> None:
        """Open, for longer than the last time."""
        if self.reason is not None:
            self._wait = min(self._wait * 2, LONGEST_SECONDS)
        self.reason = reason
        self._open_until = self._clock() + self._wait

    def succeeded(self) -> None:
        """Close."""
        self.reason = None
        self._wait = FIRST_SECONDS
