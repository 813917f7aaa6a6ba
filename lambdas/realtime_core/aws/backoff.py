"""Pauses between attempts: exponential with full jitter, so that callers that collided do not do so again."""

from __future__ import annotations

import time
from collections.abc import Iterator

ATTEMPTS = 6
BASE_SECONDS = 0.025
CAP_SECONDS = 0.8


def jitter() -> float:
    """Return a random number in [0, 1)."""
    import random  # noqa: PLC0415 - most cold starts never wait

    return random.random()  # noqa: S311 - spreads load, guards nothing


def delay(retry: int, base: float = BASE_SECONDS, cap: float = CAP_SECONDS) -> float:
    """Return the seconds before retry `retry` (from 0): up to `base` doubled each time, and at most `cap`."""
    # 2**16 passes every cap; a larger exponent would overflow.
    return jitter() * min(cap, base * 2.0 ** min(retry, 16))


def attempts(count: int = ATTEMPTS) -> Iterator[int]:
    """Yield `count` attempts, from 0, sleeping before each but the first: 0.4 s in all on average."""
    for attempt in range(count):
        if attempt:
            time.sleep(delay(attempt - 1))
        yield attempt
