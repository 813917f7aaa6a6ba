"""Time as the client sees it. A test passes in a clock of its own, and waits for nothing."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

T = TypeVar("T")

EARLY_SECONDS = 0.001
"""A timer may fire this much early: by the loop's resolution, and by the rounding of sums of seconds."""


class Timer(Protocol):
    """A callback that is planned."""

    def cancel(self) -> None:
        """Forget the callback; harmless afterwards."""


class Clock(Protocol):
    """A clock in seconds."""

    def monotonic(self) -> float:
        """Return seconds that only rise, also while the machine sleeps."""
        ...

    def time(self) -> float:
        """Return epoch seconds."""
        ...

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call back once, on the running loop, after so many seconds."""
        ...


class SystemClock:
    """The machine's clock and the running loop's timers."""

    def monotonic(self) -> float:
        """Return seconds that only rise, where the system has it also while the machine sleeps."""
        if sys.platform == "linux":
            return time.clock_gettime(time.CLOCK_BOOTTIME)
        return time.monotonic()

    def time(self) -> float:
        """Return epoch seconds."""
        return time.time()

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call back on the running loop."""
        return asyncio.get_running_loop().call_later(seconds, callback)


async def sleep(clock: Clock, seconds: float) -> None:
    """Wait for so many seconds of a clock."""
    done = asyncio.get_running_loop().create_future()
    timer = clock.call_later(seconds, lambda: None if done.done() else done.set_result(None))
    try:
        await done
    finally:
        timer.cancel()


async def within(clock: Clock, seconds: float, work: Awaitable[T]) -> T:
    """Return the result of `work`. Raises TimeoutError, and cancels it, after so many seconds."""
    task = asyncio.ensure_future(work)
    expired = asyncio.get_running_loop().create_future()
    timer = clock.call_later(seconds, lambda: None if expired.done() else expired.set_result(None))
    try:
        await asyncio.wait({task, expired}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise TimeoutError(f"not done within {seconds:g} s")
    finally:
        timer.cancel()
        expired.cancel()
        if not task.done():
            task.cancel()
            task.add_done_callback(_look_at)


def _look_at(task: asyncio.Future[T]) -> None:
    # An error of work that nobody waits for any more is not reported as never retrieved.
    if not task.cancelled():
        task.exception()
