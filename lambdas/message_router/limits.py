"""Rate limits by token buckets, each stored as a single number.

A bucket holds up to `burst` tokens and refills at `rate` tokens a second. Its state is the time at which it
is full again (the "theoretical arrival time" of the generic cell rate algorithm, ITU-T I.371). Taking a token
adds the time that one token takes to refill, starting from now if the bucket is full. So the state only
grows, and in any t seconds at most `rate * t + burst` tokens are taken.

Times are whole microseconds since the epoch, so that no sum is rounded.
"""

from __future__ import annotations

import re
from typing import NamedTuple, Protocol

from realtime_core.errors import RateLimited
from realtime_core.lifetimes import CONNECTION_LIFETIME_SECONDS

_SECOND = 1_000_000
_LIMIT = re.compile(r"(\d{1,4}(?:\.\d{1,3})?)/(\d{1,4})")

LIMIT_EXPECTED = "RATE/BURST, such as 5/20: five a second, twenty at once"


class Limit(NamedTuple):
    """`rate` tokens a second, above 0 and up to a million, and at least one token of `burst` at once."""

    rate: float
    burst: int

    @property
    def interval(self) -> int:
        """Microseconds to refill one token, rounded up, so that the rate is never exceeded."""
        return -int(-_SECOND // self.rate)

    @property
    def tolerance(self) -> int:
        """How far in the future a bucket's time may be if it still has a token."""
        return (self.burst - 1) * self.interval


def parse_limit(text: str) -> Limit:
    """Parse the limit of a setting, such as `5/20`. Raises ValueError."""
    match = _LIMIT.fullmatch(text)
    if not match:
        raise ValueError(text)
    limit = Limit(float(match[1]), int(match[2]))
    if not limit.rate or not limit.burst:
        raise ValueError(f"a limit needs a rate above 0 and a burst of at least 1, not {text}")
    return limit


def microseconds(seconds: float) -> int:
    """Convert epoch seconds to the whole microseconds of buckets."""
    return round(seconds * _SECOND)


def full_at(stored: int | None, limit: Limit, now: int) -> int | None:
    """When the bucket is full again after taking a token now; None if it has no token.

    `stored` is the bucket's time, or None if it was never used.
    """
    start = max(stored or 0, now)
    return start + limit.interval if start <= now + limit.tolerance else None


def retry_after_ms(stored: int, limit: Limit, now: int) -> int:
    """Milliseconds until an empty bucket has a token, rounded up, at least 1."""
    return max(1, -((now + limit.tolerance - stored) // 1000))


def check_tokens(stored: int | None, limit: Limit, now: int) -> None:
    """Raise RateLimited if a bucket whose time was `stored` cannot have a token now: that time only grows."""
    if stored is not None and stored > now and full_at(stored, limit, now) is None:
        raise RateLimited(retry_after_ms(stored, limit, now))


def bucket_expires_at(limit: Limit, now: int) -> int:
    """When a bucket that is used now expires, epoch seconds.

    Later than any connection of now ends, so that no mark of a bucket is lost before.
    """
    # The tolerance and an interval.
    return (now + limit.burst * limit.interval) // _SECOND + CONNECTION_LIFETIME_SECONDS + 60 * 60


class Limiter(Protocol):
    """The token buckets of all users."""

    def check(self, bucket: str, limit: Limit, now: float) -> None:
        """Raise RateLimited if it is known without a call that there is no token."""

    def take(self, bucket: str, limit: Limit, now: float) -> int:
        """Take a token (one write; two if a user exceeds the rate over several processes).

        In any t seconds at most `limit.rate * t + limit.burst` tokens are taken, even concurrently, as far as
        the callers' clocks agree. Returns until when the bucket is marked, epoch seconds; 0 if it never was.
        Raises RateLimited if there is no token.
        """

    def mark(self, bucket: str, until: int) -> None:
        """Mark a bucket until a time, in epoch seconds, up to two hours ahead (at most two writes).

        Who takes a token from now on learns of it without another call.
        """
