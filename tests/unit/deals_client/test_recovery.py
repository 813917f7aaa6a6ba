"""Pauses between attempts, and the end of them when the machine wakes."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from clients.conformance.drivers.manual_clock import ManualClock
from deals_client.options import Options
from deals_client.recovery import WAKE_SECONDS, Recovery


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def recovery(clock):
    return Recovery(SimpleNamespace(options=Options(), clock=clock, random=lambda: 0.9, emitter=None))


async def pausing(recovery, clock, seconds):
    """Begin a pause and let the clock pass a moment; return whether it has ended."""
    pause = asyncio.ensure_future(recovery.pause(27.0))
    await clock.advance(seconds)
    ended = pause.done()
    pause.cancel()
    return ended


async def test_wake_ends_a_pause(recovery, clock):
    pause = asyncio.ensure_future(recovery.pause(27.0))
    await clock.advance(1)
    recovery.wake()
    await clock.advance(WAKE_SECONDS)
    assert pause.done()


async def test_wake_during_an_attempt_that_fails_ends_the_pause_behind_it(recovery, clock):
    """The network of a machine that wakes is rarely there at once."""
    recovery.wake()
    await clock.advance(WAKE_SECONDS)

    assert await pausing(recovery, clock, 0.1)
    assert not await pausing(recovery, clock, 26)


async def test_wake_of_a_machine_that_was_connected_then_ends_no_later_pause(recovery, clock):
    recovery.wake()
    await clock.advance(WAKE_SECONDS)
    recovery.note_stay(60.0)

    assert not await pausing(recovery, clock, 26)
