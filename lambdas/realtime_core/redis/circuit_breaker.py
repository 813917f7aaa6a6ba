"""A circuit breaker: after a fault of Redis, callers do without it for a while."""

from __future__ import annotations

import time
from collections.abc import Callable

FIRST_WAIT_SECONDS = 2.0
WAIT_SECONDS_MAX = 30.0


class CircuitBreaker:
    """Opens at a fault for two seconds; each further fault doubles the time, up to half a minute.

    After that time, the next request is let through as a probe: its result closes the circuit or opens it
    again.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._wait = FIRST_WAIT_SECONDS
        self._open_until = 0.0
        self.reason: str | None = None
        """The last fault; None while the circuit is closed."""

    def allows_request(self) -> bool:
        """Whether to make a request: the circuit is closed, or it is time for a probe."""
        return self.reason is None or self._clock() >= self._open_until

    def record_failure(self, reason: str) -> None:
        """Open the circuit, for twice as long if it was not closed."""
        if self.reason is not None:
            self._wait = min(self._wait * 2, WAIT_SECONDS_MAX)
        self.reason = reason
        self._open_until = self._clock() + self._wait

    def record_success(self) -> None:
        """Close the circuit."""
        self.reason = None
        self._wait = FIRST_WAIT_SECONDS
