"""What every unit test has: metrics and log fields that begin empty, and a way to read what it published."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from realtime_core.telemetry import logs
from realtime_core.telemetry.logs import bound
from realtime_core.telemetry.metrics import recorder
from tests.published import Published, published_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


# No deadline for an example, because the speed of the machine is not under test.
settings.register_profile("unit", deadline=None)
settings.load_profile("unit")


@pytest.fixture(autouse=True)
def telemetry_of_its_own() -> Iterator[None]:
    """Logs and metrics belong to the process: no test sees another's values, settings or bound fields.

    A test is no cold start either.
    """
    logs.configure()
    recorder.configure()
    recorder.start(cold=False)
    with bound():
        yield


@pytest.fixture
def published(capsys: pytest.CaptureFixture[str]) -> Callable[[], Published]:
    """Return what was published since the last call."""

    def read() -> Published:
        recorder.flush("test")
        return published_in(capsys.readouterr().out)

    return read
