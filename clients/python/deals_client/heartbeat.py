"""Keeps a connection open, and notices one that is dead (rules 3 and 6)."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from deals_client.clock import EARLY_SECONDS, Clock, Timer
from deals_client.frames import encode_request
from deals_client.link import Link
from deals_client.options import Options

LATE_SECONDS = 1.0
"""A timer that fires this much late was held up: what has arrived meanwhile is handled first."""
EXTRA_SECONDS = 5.0
JUMP_SECONDS = 2.0
WATCH_SECONDS = 10.0
"""How often the clock is compared, to notice that the machine has slept."""


class Heartbeat:
    """Pings one connection after a silence, and ends it if the pong does not come.

    Any frame is a sign of life and moves the next ping, so a busy stream is never pinged. `can_keep_alive`
    tells whether the server takes `keepAlive`; one that does not gets pings.
    """

    def __init__(
        self, link: Link, clock: Clock, options: Options, can_keep_alive: Callable[[], bool]
    ) -> None:
        self._link, self._clock, self._options = link, clock, options
        self._can_keep_alive = can_keep_alive
        self._timer: Timer | None = None
        self._heard_before: int | None = None
        """What had arrived when a ping was sent; None while no pong is awaited."""
        self._plan()

    def stop(self) -> None:
        """Clear the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def ask(self) -> None:
        """Settle a doubt: ping at once, unless a pong is awaited already."""
        if self._heard_before is None and self._link.is_open:
            self._ping()

    def _plan(self) -> None:
        """Plan the next look, when the silence would be long enough."""
        self._heard_before = None
        link, options = self._link, self._options
        if options.ping_after is None:
            due = max(link.heard_at, link.wrote_at) + options.keep_alive_after
        else:
            due = link.heard_at + options.ping_after
        self._call_at(due, self._look)

    def _look(self) -> None:
        link, options, now = self._link, self._options, self._clock.monotonic()
        if not link.is_open:
            return
        if options.ping_after is not None:
            if now - link.heard_at >= options.ping_after - EARLY_SECONDS:
                self._ping()
                return
        elif now - max(link.heard_at, link.wrote_at) >= options.keep_alive_after - EARLY_SECONDS:
            if not self._can_keep_alive():
                self._ping()
                return
            link.write(encode_request("keepAlive", None, None))
        self._plan()

    def _ping(self) -> None:
        self._heard_before = self._link.heard
        self._link.write(encode_request("ping", None, str(uuid.uuid4())))
        self._await_pong(self._options.ping_timeout)

    def _await_pong(self, seconds: float) -> None:
        due = self._clock.monotonic() + seconds
        self._call_at(due, lambda: self._judge(due))

    def _judge(self, due: float) -> None:
        if not self._link.is_open:
            return
        if self._heard_before is None or self._link.heard > self._heard_before:
            self._plan()
        elif self._clock.monotonic() - due > LATE_SECONDS:
            self._await_pong(EXTRA_SECONDS)
        else:
            self._link.end(reason="no pong")

    def _call_at(self, due: float, callback: Callable[[], None]) -> None:
        self.stop()
        self._timer = self._clock.call_later(max(0.0, due - self._clock.monotonic()), callback)


class SleepWatch:
    """Calls back when the machine has slept: when a short timer fires much too late."""

    def __init__(self, clock: Clock, on_wake: Callable[[], None]) -> None:
        self._clock, self._on_wake = clock, on_wake
        self._timer: Timer | None = None
        self._plan()

    def stop(self) -> None:
        """Clear the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _plan(self) -> None:
        due = self._clock.monotonic() + WATCH_SECONDS
        self._timer = self._clock.call_later(WATCH_SECONDS, lambda: self._look(due))

    def _look(self, due: float) -> None:
        slept = self._clock.monotonic() - due > JUMP_SECONDS
        self._plan()
        if slept:
            self._on_wake()
