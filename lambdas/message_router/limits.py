"""Rate limits: token buckets, each stored as one number.

A bucket holds `burst` tokens and gains `rate` of them a second. Instead of its level and the time of that
level, its state is the time at which it will be full again (the "theoretical arrival time" of the generic
cell rate algorithm, ITU-T I.371). Taking a token moves that time on by the time that one token takes; a full
bucket counts from now. So the state is a single whole number that never decreases, and in any t seconds
at most `rate * t + burst` tokens are taken.

Times are whole microseconds since the epoch, so no sum is rounded.
"""

from __future__ import annotations

import re
from typing import NamedTuple, Protocol

_SECOND = 1_000_000

_LIMIT = re.compile(r"(\d{1,4}(?:\.\d{1,3})?)/(\d{1,4})")

LIMIT_EXPECTED = "RATE/BURST, such as 5/20: five a second, twenty at once"


class Limit(NamedTuple):
    """`rate` tokens a second, from above 0 to a million, and `burst` at once, at least one."""

    rate: float
    burst: int

    @property
    def interval(self) -> int:
        """Microseconds until one token is gained; rounded up, so that the rate is never exceeded."""
        return -int(-_SECOND // self.rate)

    @property
    def tolerance(self) -> int:
        """Microseconds from now until a bucket with exactly one token is full again."""
        return (self.burst - 1) * self.interval


def parse_limit(text: str) -> Limit:
    """Parse a limit as a setting writes it. Raises ValueError."""
    match = _LIMIT.fullmatch(text)
    if not match:
        raise ValueError(text)
    limit = Limit(float(match[1]), int(match[2]))
    if not limit.rate or not limit.burst:
        raise ValueError(f"a limit needs a rate above 0 and a burst of at least 1, not {text}")
    return limit


def microseconds(seconds: float) -> int:
    """Convert epoch seconds to the unit of buckets."""
    return round(seconds * _SECOND)


def full_at(before: int | None, limit: Limit, now: int) -> int | None:
    """Return when the bucket is full again once a token is taken now; None if it has no token.

    `before` is when it would have been full without that, or None for a bucket that was never used.
    """
    start = max(before or 0, now)
    return start + limit.interval if start <= now + limit.tolerance else None


def retry_after_ms(bucket_full_at: int, limit: Limit, now: int) -> int:
    """Return the milliseconds until an empty bucket has a token; rounded up, and at least 1."""
    return max(1, -((now + limit.tolerance - bucket_full_at) // 1000))


def bucket_expires_at(limit: Limit, now: int) -> int:
    """Return when a bucket may be deleted, in epoch seconds: an hour after it is full again."""
    return (now + limit.tolerance + limit.interval) // 1_000_000 + 60 * 60


class Limiter(Protocol):
    """The store of token buckets."""

    def take(self, bucket: str, limit: Limit, now: float) -> None:
        """Take a token (one write; two if the user exceeds the rate through several processes).

        In any t seconds at most `limit.rate * t + limit.burst` tokens are taken, also by concurrent callers,
        as far as their clocks agree. Raises RateLimited if the bucket is empty.
        """
