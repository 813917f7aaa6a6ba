"""How many posts a second: a token bucket whose rate falls under throttling and recovers.

The account's 10,000 requests a second serve everything, so a function instance keeps to its share; 429s show
when others exceed theirs. Additive increase and multiplicative decrease, as in TCP, give equal shares to
instances that do not know of each other.

The caller passes the time, in monotonic seconds.
"""

from __future__ import annotations

BURST_SECONDS = 0.05
"""How much of the rate may be posted at once."""
DIRECT_BURST_SECONDS = 1.0
"""The same for a function that posts now and then to a few, and queues what it has no tokens for."""
WINDOW_SECONDS = 0.1
"""How often the rate is adjusted: longer than a response takes, so that a cut shows before the next."""
THROTTLED_SHARE = 0.02
THROTTLED_MIN = 3
"""A 429 may also mean one client that reads too slowly, which is no reason to slow down for all."""
CUT = 0.7
RISE_PER_SECOND = 0.1
"""Share of the full rate: from half of it, the rate recovers in five seconds."""
FLOOR = 0.02
"""The lowest rate, as a share of the full one."""


class Pacer:
    """Allows up to `posts_per_second`, and less while the API throttles.

    What `burst_seconds` of the rate bring may be posted at once; after a pause it is there in full.
    """

    __slots__ = (
        "_burst_seconds",
        "_refilled_at",
        "_responses",
        "_throttled",
        "_tokens",
        "_window_ends",
        "full_rate",
        "rate",
    )

    def __init__(self, posts_per_second: float, burst_seconds: float = BURST_SECONDS) -> None:
        if not posts_per_second > 0:
            raise ValueError(f"posts_per_second must be above 0, not {posts_per_second}")
        self.full_rate = float(posts_per_second)
        self.rate = self.full_rate
        self._burst_seconds = burst_seconds
        self._tokens = max(1.0, self.rate * burst_seconds)
        self._refilled_at = self._window_ends = -1.0
        self._responses = self._throttled = 0

    def take(self, now: float) -> bool:
        """Take a token for one post. Returns whether there was one."""
        if self._tokens < 1.0:
            self._refill(now)
            if self._tokens < 1.0:
                return False
        self._tokens -= 1.0
        return True

    def admits(self, posts: int, now: float) -> bool:
        """Whether there are tokens for so many posts."""
        self._refill(now)
        return self._tokens >= posts

    def wait(self, now: float) -> float:
        """Return the seconds until the next token."""
        self._refill(now)
        return max(0.0, (1.0 - self._tokens) / self.rate)

    def record(self, now: float, *, throttled: bool) -> None:
        """Record a response, from which the rate follows."""
        self._responses += 1
        self._throttled += throttled
        if now >= self._window_ends:
            self._adjust_rate(now)

    def _refill(self, now: float) -> None:
        if self._refilled_at >= 0:
            burst = max(1.0, self.rate * self._burst_seconds)
            self._tokens = min(burst, self._tokens + (now - self._refilled_at) * self.rate)
        self._refilled_at = now

    def _adjust_rate(self, now: float) -> None:
        if self._throttled >= max(THROTTLED_MIN, THROTTLED_SHARE * self._responses):
            self.rate = max(FLOOR * self.full_rate, CUT * self.rate)
        elif self.rate < self.full_rate and self._window_ends >= 0:
            # A pause counts as one window: silence says nothing about other instances.
            passed = min(2 * WINDOW_SECONDS, now - self._window_ends + WINDOW_SECONDS)
            self.rate = min(self.full_rate, self.rate + RISE_PER_SECOND * self.full_rate * passed)
        self._responses = self._throttled = 0
        self._window_ends = now + WINDOW_SECONDS
