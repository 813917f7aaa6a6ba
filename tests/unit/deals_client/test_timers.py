"""Timers whose sums of seconds are rounded: each fires once, and never again and again at one moment."""

from __future__ import annotations

import random

import pytest

from clients.conformance.drivers.manual_clock import ManualClock
from deals_client.heartbeat import Heartbeat
from deals_client.options import Options
from deals_client.ordering import Ordering
from deals_client.values import Event


class CountingClock(ManualClock):
    """Fails a test that plans timers without end."""

    def __init__(self):
        super().__init__()
        self.planned = 0

    def call_later(self, seconds, callback):
        self.planned += 1
        assert self.planned < 1000, "timers without end"
        return super().call_later(seconds, callback)


class QuietLink:
    """A connection on which nothing arrives but what a test notes."""

    is_open, heard = True, 0

    def __init__(self, now):
        self.heard_at = self.wrote_at = now
        self.written = []

    def write(self, text, request_id=None):
        self.written.append(text)
        self.heard += 1


@pytest.mark.parametrize("seed", range(50))
async def test_heartbeat_at_any_moment_plans_a_few_timers(seed):
    clock, dice = CountingClock(), random.Random(seed)
    await clock.advance(dice.random() * 1e6)
    link = QuietLink(clock.monotonic())
    Heartbeat(link, clock, Options(ping_after=60.1), lambda: True)
    for _ in range(5):
        await clock.advance(dice.random() * 40)
        link.heard_at = clock.monotonic()
    await clock.advance(61)
    assert len(link.written) == 1


@pytest.mark.parametrize("seed", range(50))
async def test_ordering_at_any_moment_hands_on_after_half_a_second(seed):
    clock, dice, got = CountingClock(), random.Random(seed), []
    ordering = Ordering(clock, got.append)
    await clock.advance(dice.random() * 1e6)
    for position in (3, 1, 2):
        ordering.put(Event("a", "t", str(position), position, 1, {}, "live"))
        await clock.advance(dice.random() / 10)
    await clock.advance(1)
    assert [event.position for event in got] == [1, 2, 3]
