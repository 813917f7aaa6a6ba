"""Hands events on in the order of their positions, half a second late (rule 16)."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable
from dataclasses import replace

from deals_client.clock import EARLY_SECONDS, Clock, Timer
from deals_client.values import Event

HOLD_SECONDS = 0.5


class Ordering:
    """Holds each event for half a second; marks one that comes after a higher position as late."""

    def __init__(self, clock: Clock, hand_on: Callable[[Event], None]) -> None:
        self._clock, self._hand_on = clock, hand_on
        self._held: list[tuple[int, float, int, Event]] = []
        self._count = 0
        self._highest = -1
        self._timer: Timer | None = None

    def __len__(self) -> int:
        return len(self._held)

    def put(self, event: Event) -> None:
        """Take an event."""
        self._count += 1
        entry = (event.position, self._clock.monotonic() + HOLD_SECONDS, self._count, event)
        insort(self._held, entry, key=lambda held: (held[0], held[2]))
        self._plan()

    def stop(self) -> None:
        """Drop what is held."""
        self._held.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _plan(self) -> None:
        if self._timer is None and self._held:
            due = min(due for _, due, _, _ in self._held)
            self._timer = self._clock.call_later(max(0.0, due - self._clock.monotonic()), self._release)

    def _release(self) -> None:
        """Hand on what was held long enough, and every event before it."""
        self._timer = None
        now = self._clock.monotonic() + EARLY_SECONDS
        count = max((number for number, held in enumerate(self._held, 1) if held[1] <= now), default=0)
        released, self._held = self._held[:count], self._held[count:]
        for position, _, _, event in released:
            is_late = position < self._highest
            self._highest = max(self._highest, position)
            self._hand_on(replace(event, late=True) if is_late else event)
        self._plan()
