"""Lambda's INIT phase: what is made ahead of the first invocation, and what becomes of its faults."""

import threading
import time

import pytest

from realtime_core import initialization
from realtime_core.errors import SettingsInvalid
from realtime_core.initialization import build_at_init, warm_up


def test_parts_are_built_once_when_the_module_loads():
    builds = []
    parts = build_at_init(lambda environ: builds.append(environ) or "parts")
    assert len(builds) == 1
    assert [parts(), parts()] == ["parts", "parts"]
    assert len(builds) == 1


def test_a_fault_of_building_is_raised_by_each_invocation_until_it_passes():
    faults = [SettingsInvalid("A_TABLE is not set")] * 3

    def build(_environ):
        if faults:
            raise faults.pop()
        return "parts"

    parts = build_at_init(build)
    for _ in range(2):
        with pytest.raises(SettingsInvalid, match="A_TABLE"):
            parts()
    assert parts() == "parts"


def test_a_step_that_fails_keeps_no_other_from_being_taken():
    taken = []

    def fail():
        raise OSError("nobody answers")

    warm_up(fail, lambda: taken.append("second"))
    assert taken == ["second"]


def test_a_step_that_hangs_does_not_hold_up_the_start(monkeypatch):
    monkeypatch.setattr(initialization, "WARM_UP_SECONDS", 0.05)
    release = threading.Event()
    started = time.monotonic()
    warm_up(release.wait)
    assert time.monotonic() - started < 2
    release.set()
