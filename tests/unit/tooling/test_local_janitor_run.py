"""The janitor's run on request, beside one of the schedule's that holds a part of the work."""

from __future__ import annotations

import itertools

import pytest

from deals_ops.errors import CallFailed
from local_cloud.console import janitor_run
from local_cloud.console.janitor_run import run_janitor


class Stack:
    """A stack whose janitor leaves work to another run a number of times."""

    def __init__(self, times):
        self._reports = itertools.chain(itertools.repeat(2, times), itertools.repeat(0))
        self.calls = 0

    def invoke(self, function, event):
        assert (function, event) == ("janitor", {})
        self.calls += 1
        return {"leftToOthers": next(self._reports)}


@pytest.fixture(autouse=True)
def _hurried(monkeypatch):
    monkeypatch.setattr(janitor_run, "_PAUSE_S", 0.001)
    monkeypatch.setattr(janitor_run, "_PATIENCE_S", 0.1)


def test_janitor_runs_until_nothing_is_left_to_others():
    stack = Stack(3)
    run_janitor(stack)
    assert stack.calls == 4


def test_work_that_stays_with_another_run_is_no_success():
    with pytest.raises(CallFailed, match="still left work to another run"):
        run_janitor(Stack(1_000_000))
