"""What every unit test has: metrics and log fields that begin empty, and a way to read what it made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from realtime_core.telemetry import metrics
from realtime_core.telemetry.logs import bound
from tests.published import Published, published_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(autouse=True)
def no_metrics_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Metrics are collected for a process; no test sees those of another, nor a cold start."""
    monkeypatch.setattr(metrics, "_collected", {})
    monkeypatch.setattr(metrics, "_cold", False)
    monkeypatch.setattr(metrics, "_frames", {})


@pytest.fixture(autouse=True)
def no_log_fields_of_others() -> Iterator[None]:
    """What a test binds to its log lines, as a handler does, ends with it."""
    with bound():
        yield


@pytest.fixture
def published(capsys: pytest.CaptureFixture[str]) -> Callable[[], Published]:
    """What was published since the last call."""

    def read() -> Published:
        metrics.flush("test")
        return published_in(capsys.readouterr().out)

    return read
