"""How long to wait before the next attempt: exponential, with full jitter (clients' rule 3)."""

from __future__ import annotations

from collections.abc import Callable

from deals_client.options import Options

LATER_FAILURES = 8
"""From this failure in a row on, the cap is the later one."""
REFUSED_ROW = 5
"""From this refusal without a status in a row on, a closed door is as likely as a full house."""
REFUSED_DELAYS = (10.0, 300.0)
_EXPONENT_MAX = 32


class Backoff:
    """Counts failures in a row and draws delays. `random` returns a number in [0, 1)."""

    def __init__(self, options: Options, random: Callable[[], float]) -> None:
        self._options, self._random = options, random
        self.failures: int = 0

    def reset(self) -> None:
        """Begin a new row, after a connection that lasted."""
        self.failures = 0

    def next_delay(self) -> float:
        """Return the seconds to wait after one more failure."""
        options = self._options
        cap = options.backoff_cap if self.failures < LATER_FAILURES - 1 else options.backoff_cap_later
        limit = min(cap, options.backoff_base * 2.0 ** min(self.failures, _EXPONENT_MAX))
        self.failures += 1
        return self._random() * limit


def refused_delay(row: int, random: Callable[[], float]) -> float:
    """Return the seconds to wait after so many refusals without a status in a row."""
    shortest, longest = REFUSED_DELAYS
    limit = min(longest, shortest * 2.0 ** min(row - REFUSED_ROW + 1, _EXPONENT_MAX))
    return max(shortest, limit * random())
