"""Between two attempts: what the last failure means, and how long to wait (rules 3 and 4)."""

from __future__ import annotations

import asyncio

from deals_client.backoff import REFUSED_ROW, Backoff, refused_delay
from deals_client.clock import Timer, sleep
from deals_client.errors import HandshakeRefused
from deals_client.link import Link
from deals_client.refusals import Loss, Verdict, judge_loss, judge_refusal
from deals_client.runtime import Runtime

WAKE_SECONDS = 0.5
WAKES_EVERY_SECONDS = 5.0


class LostEarly(Exception):
    """A connection ended before its first reply."""

    def __init__(self, loss: Loss) -> None:
        super().__init__(loss.reason)
        self.loss = loss


class Recovery:
    """Remembers the failures in a row, and draws the pauses."""

    def __init__(self, runtime: Runtime) -> None:
        self._options, self._clock, self._random = runtime.options, runtime.clock, runtime.random
        self._emitter = runtime.emitter
        self._backoff = Backoff(runtime.options, runtime.random)
        self._refused_row = 0
        self._was_unauthorized = False
        self._wake = asyncio.Event()
        self._wake_timer: Timer | None = None
        self._woke_at = -WAKES_EVERY_SECONDS

    def note_connected(self) -> None:
        """End the rows of refusals."""
        self._refused_row, self._was_unauthorized = 0, False

    def note_stay(self, seconds: float) -> None:
        """End the row of failures, if a connection lasted; a machine that woke meanwhile is no news."""
        self._wake.clear()
        if seconds >= self._options.backoff_stable:
            self._backoff.reset()

    def judge(self, error: Exception) -> Verdict:
        """Judge a failed attempt, and tell of a refusal."""
        match error:
            case HandshakeRefused():
                verdict = judge_refusal(error, unauthorized_before=self._was_unauthorized)
                self._was_unauthorized = error.status == 401
                self._refused_row = self._refused_row + 1 if error.status is None else 0
                self._emitter.warn("handshakeRefused", str(error), error)
                return verdict
            case LostEarly():
                return judge_loss(error.loss)
            case OSError() | TimeoutError():
                return Verdict("network")
            case _:
                self._emitter.warn("tokenFailed", f"get_token raised {type(error).__name__}", error)
                return Verdict("network")

    def next_delay(self, verdict: Verdict) -> float:
        """Return the seconds to wait before the next attempt."""
        delay = max(verdict.at_least, self._backoff.next_delay())
        if self._refused_row >= REFUSED_ROW:
            return refused_delay(self._refused_row, self._random)
        return delay

    async def pause(self, seconds: float) -> None:
        """Wait so long, or until the machine has woken, also during the attempt before."""
        pause = asyncio.ensure_future(sleep(self._clock, seconds))
        woken = asyncio.ensure_future(self._wake.wait())
        try:
            await asyncio.wait({pause, woken}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            pause.cancel()
            woken.cancel()
            self._wake.clear()

    def wake(self) -> None:
        """End a pause soon, at a moment of this client's own; once in five seconds."""
        now = self._clock.monotonic()
        if now - self._woke_at >= WAKES_EVERY_SECONDS:
            self._woke_at = now
            self._wake_timer = self._clock.call_later(self._random() * WAKE_SECONDS, self._wake.set)

    def stop(self) -> None:
        """Clear the timer."""
        if self._wake_timer is not None:
            self._wake_timer.cancel()


async def first_reply(link: Link) -> None:
    """Wait for the first reply on a connection. Raises LostEarly."""
    first: set[asyncio.Future[None] | asyncio.Future[Loss]] = {link.replied, link.ended}
    await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
    if link.ended.done():
        raise LostEarly(link.ended.result())
