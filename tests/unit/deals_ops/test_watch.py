"""What `watch` makes of two readings, and what people see of it."""

from __future__ import annotations

import io

from rich.console import Console

from deals_ops.commands import watch

QUIET = {"queue": "events", "waiting": 0, "inFlight": 0, "delayed": 0}


class Readings:
    """Stands for a stack: each reading has the next newest position."""

    prefix = "deals-production"


def samples(monkeypatch, *readings):
    loads = iter(
        {"connections": 3, "history": {"newest": newest}, "queues": [QUIET], "alarms": []}
        for _, newest in readings
    )
    monkeypatch.setattr(watch, "collect_load", lambda _stack, _pool: next(loads))
    sampler = watch.Sampler(Readings(), None)
    return [sampler.sample(at) for at, _ in readings]


def test_events_a_second_follow_from_two_readings(monkeypatch):
    rates = [sample["eventsPerSecond"] for sample in samples(monkeypatch, (100, 7), (104, 17), (105, 17))]
    assert rates == [None, 2.5, 0]


def test_history_that_begins_anew_gives_no_negative_rate(monkeypatch):
    assert samples(monkeypatch, (100, 7_000), (105, 2))[-1]["eventsPerSecond"] == 0


def shown(sample):
    console = Console(file=io.StringIO(), width=120, color_system=None)
    for item in watch.build_view(sample):
        console.print(item)
    return console.file.getvalue()


def test_view_opens_with_how_the_stack_is(monkeypatch):
    [sample] = samples(monkeypatch, (100, 7))
    text = shown(sample)
    assert text.splitlines()[0] == "deals-production is well"
    assert "connections      3" in text
    assert "events" in text


def test_view_shows_firing_alarms_without_their_control_characters(monkeypatch):
    [sample] = samples(monkeypatch, (100, 7))
    alarm = {"alarm": "deals-production-error_rate", "state": "ALARM", "since": 1, "reason": "\x1b[2Jgone"}
    text = shown(sample | {"alarms": [alarm], "problems": ["alarm error_rate"]})
    assert text.startswith("deals-production has 1 problem\n")
    assert "\x1b" not in text
    assert "gone" in text
