"""How many posts a second: a token bucket whose rate gives way to throttling and comes back.

The account's 10,000 requests a second are shared by everything, so a function instance keeps to its share of
them; and where others took more than theirs, the 429s say so. Additive increase and multiplicative decrease,
as TCP does it, lets instances that do not know of each other end up with equal shares.

Times are monotonic seconds that the caller gives.
"""

from __future__ import annotations

BURST_SECONDS = 0.05
"""So much of the rate may be posted at once."""
WINDOW_SECONDS = 0.1
"""How often the rate is thought over: longer than an answer takes, so that a cut shows before the next."""
THROTTLED_SHARE = 0.02
THROTTLED_MIN = 3
"""429 is also the answer for one client that reads too slowly: that is no reason to slow down for all."""
CUT = 0.7
RISE_PER_SECOND = 0.1
"""Of the full rate: back at it from half of it in five seconds."""
FLOOR = 0.02
"""Of the full rate."""


class Pacer:
    """Up to `posts_per_second`, and less while the API throttles."""

    __slots__ = ("_answers", "_at", "_throttled", "_tokens", "_window_ends", "full_rate", "rate")

    def __init__(self, posts_per_second: float) -> None:
        if not posts_per_second > 0:
            raise ValueError(f"posts_per_second must be above 0, not {posts_per_second}")
        self.full_rate = float(posts_per_second)
        self.rate = self.full_rate
        self._tokens = 1.0
        self._at = self._window_ends = -1.0
        self._answers = self._throttled = 0

    def take(self, now: float) -> bool:
        """Whether one post may go now; it is counted if so."""
        if self._tokens < 1.0:
            self._refill(now)
            if self._tokens < 1.0:
                return False
        self._tokens -= 1.0
        return True

    def wait(self, now: float) -> float:
        """Seconds until a post may go."""
        self._refill(now)
        return max(0.0, (1.0 - self._tokens) / self.rate)

    def answered(self, now: float, *, throttled: bool) -> None:
        """Learn from an answer."""
        self._answers += 1
        self._throttled += throttled
        if now >= self._window_ends:
            self._think_over(now)

    def _refill(self, now: float) -> None:
        if self._at >= 0:
            burst = max(1.0, self.rate * BURST_SECONDS)
            self._tokens = min(burst, self._tokens + (now - self._at) * self.rate)
        self._at = now

    def _think_over(self, now: float) -> None:
        if self._throttled >= max(THROTTLED_MIN, THROTTLED_SHARE * self._answers):
            self.rate = max(FLOOR * self.full_rate, CUT * self.rate)
        elif self.rate < self.full_rate and self._window_ends >= 0:
            # A pause counts as one window: silence says nothing about the others.
            passed = min(2 * WINDOW_SECONDS, now - self._window_ends + WINDOW_SECONDS)
            self.rate = min(self.full_rate, self.rate + RISE_PER_SECOND * self.full_rate * passed)
        self._answers = self._throttled = 0
        self._window_ends = now + WINDOW_SECONDS
