"""What every unit test has: examples without a deadline, and a way to read the metrics that it published."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from realtime_core.telemetry.metrics import recorder
from tests.published import Published, published_in

if TYPE_CHECKING:
    from collections.abc import Callable


# No deadline for an example, because the speed of the machine is not under test.
settings.register_profile("unit", deadline=None)
settings.load_profile("unit")


@pytest.fixture
def published(capsys: pytest.CaptureFixture[str]) -> Callable[[], Published]:
    """Return what was published since the last call."""

    def read() -> Published:
        recorder.flush("test")
        return published_in(capsys.readouterr().out)

    return read
