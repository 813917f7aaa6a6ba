"""How often a user may do what: token buckets, each kept as one number.

A bucket holds `burst` tokens and gets `rate` of them a second. Instead of its level and the time of that
level, the moment is kept at which it will be full again (the "theoretical arrival time" of the generic cell
rate algorithm, ITU-T I.371). Taking a token moves that moment by the time that one token takes; a bucket that
is full now counts from now. So the state is a single whole number that only ever grows, and in any t seconds
no more than `rate * t + burst` tokens are taken.

Moments are whole microseconds since the epoch, so that no sum is rounded.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    pass


_SECOND = 1_000_000

_LIMIT = re.compile(r"(\d{1,4}(?:\.\d{1,3})?)/(\d{1,4})")

LIMIT_EXPECTED = "RATE/BURST, such as 5/20: five a second, twenty at once"


class Limit(NamedTuple):
    """`rate` tokens a second, from above 0 to a million, and `burst` at once, at least one."""

    rate: float
    burst: int

    @property
    def interval(self) -> int:
        """Microseconds that one token takes; rounded up, so that the rate is never exceeded."""
        return -int(-_SECOND // self.rate)

    @property
    def tolerance(self) -> int:
        """How far ahead of now a bucket's moment may be for a token to be left in it."""
        return (self.burst - 1) * self.interval


def parse_limit(text: str) -> Limit:
    """A limit as a setting writes it. Raises ValueError."""
    found = _LIMIT.fullmatch(text)
    if not found:
        raise ValueError(text)
    limit = Limit(float(found[1]), int(found[2]))
    if not limit.rate or not limit.burst:
        raise ValueError(f"a limit needs a rate above 0 and a burst of at least 1, not {text}")
    return limit


def microseconds(seconds: float) -> int:
    """A moment in epoch seconds, as buckets count."""
    return round(seconds * _SECOND)


def full_at(moment: int | None, limit: Limit, now: int) -> int | None:
    """When the bucket is full again after one token is taken now; None where there is no token left.

    `moment` is when it would have been full, or None for a bucket that was never used.
    """
    start = max(moment or 0, now)
    return start + limit.interval if start <= now + limit.tolerance else None


def retry_after_ms(moment: int, limit: Limit, now: int) -> int:
    """Milliseconds until an empty bucket has a token; at least 1, and never too few."""
    return max(1, -((now + limit.tolerance - moment) // 1000))


def bucket_expires_at(limit: Limit, now: int) -> int:
    """When a bucket that a token was taken from now (epoch microseconds) may be swept: long full again."""
    return (now + limit.tolerance + limit.interval) // 1_000_000 + 60 * 60


class Limiter(Protocol):
    """Token buckets: how often who may do what."""

    def take(self, bucket: str, limit: Limit, now: float) -> None:
        """Take a token (one write; two where the user is faster than the rate, over several processes).

        Never more than `limit.rate * t + limit.burst` in any t seconds, under concurrency too, as far as the
        callers' clocks agree. Raises RateLimited where there is none left.
        """
