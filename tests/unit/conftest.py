"""What every unit test has: metrics that begin empty, and a way to read those that it made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from realtime_core import metrics
from tests.published import Published, published_in

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(autouse=True)
def no_metrics_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Metrics are collected for a process; no test sees those of another, nor a cold start."""
    monkeypatch.setattr(metrics, "_collected", {})
    monkeypatch.setattr(metrics, "_cold", False)
    monkeypatch.setattr(metrics, "_frames", {})


@pytest.fixture
def published(capsys: pytest.CaptureFixture[str]) -> Callable[[], Published]:
    """What was published since the last call."""

    def read() -> Published:
        metrics.flush("test")
        return published_in(capsys.readouterr().out)

    return read
