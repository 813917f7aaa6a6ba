"""A clock that stands still until it is moved, for the Python client in tests."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from itertools import count

EPOCH = 1795382480.0
SETTLE_ROUNDS = 30
"""Turns of the event loop in which what a timer has begun gets as far as it can without the network."""


class ManualTimer:
    """A callback that is planned."""

    def __init__(self, due: float, callback: Callable[[], None]) -> None:
        self.due, self.callback = due, callback
        self.is_live = True

    def cancel(self) -> None:
        """Forget the callback."""
        self.is_live = False


class ManualClock:
    """Seconds that pass by `advance` and `sleep` alone."""

    def __init__(self) -> None:
        self._now = 0.0
        self._timers: list[tuple[float, int, ManualTimer]] = []
        self._numbers = count()

    def monotonic(self) -> float:
        """Return the seconds since the beginning."""
        return self._now

    def time(self) -> float:
        """Return epoch seconds."""
        return EPOCH + self._now

    def call_later(self, seconds: float, callback: Callable[[], None]) -> ManualTimer:
        """Plan a callback."""
        timer = ManualTimer(self._now + max(0.0, seconds), callback)
        heapq.heappush(self._timers, (timer.due, next(self._numbers), timer))
        return timer

    @property
    def timers(self) -> int:
        """How many callbacks are planned."""
        return sum(timer.is_live for _, _, timer in self._timers)

    async def advance(self, seconds: float) -> None:
        """Pass so many seconds, and call back each timer at its time."""
        await settle()
        until = self._now + seconds
        while (timer := self._pop(until)) is not None:
            self._now = max(self._now, timer.due)
            timer.callback()
            await settle()
        self._now = until
        await settle()

    async def sleep(self, seconds: float) -> None:
        """Pass so many seconds at once, as a machine that slept: what is due is called back late."""
        await settle()
        self._now += seconds
        while (timer := self._pop(self._now)) is not None:
            timer.callback()
            await settle()

    def _pop(self, until: float) -> ManualTimer | None:
        while self._timers and self._timers[0][0] <= until:
            _, _, timer = heapq.heappop(self._timers)
            if timer.is_live:
                timer.is_live = False
                return timer
        return None


async def settle() -> None:
    """Let everything run that does not wait for the network."""
    for _ in range(SETTLE_ROUNDS):
        await asyncio.sleep(0)
