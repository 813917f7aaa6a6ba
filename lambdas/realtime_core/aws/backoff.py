"""Waiting between attempts: exponential with full jitter, so that those who collided do not collide again."""

from __future__ import annotations

import time
from collections.abc import Iterator

ATTEMPTS = 6
BASE_SECONDS = 0.025
CAP_SECONDS = 0.8


def jitter() -> float:
    """A random share: from 0 to 1, not included."""
    import random  # noqa: PLC0415 - most cold starts never wait

    return random.random()  # noqa: S311 - spreads load, guards nothing


def delay(retry: int, base: float = BASE_SECONDS, cap: float = CAP_SECONDS) -> float:
    """Seconds to wait before the `retry`-th retry (from 0): anything up to `base` doubled each time."""
    # 2**16 is beyond every cap; a larger exponent would only overflow.
    return jitter() * min(cap, base * 2.0 ** min(retry, 16))


def attempts(count: int = ATTEMPTS) -> Iterator[int]:
    """Yield `count` attempts, from 0, sleeping before each but the first, 0.4 s in all in the mean."""
    for attempt in range(count):
        if attempt:
            time.sleep(delay(attempt - 1))
        yield attempt
