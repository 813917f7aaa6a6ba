"""Every scenario of the clients' conformance suite, against the driver of every client that is here."""

from __future__ import annotations

from pathlib import Path

import pytest

from clients.conformance.runner.__main__ import known_drivers, play
from clients.conformance.runner.scenario import find, load

DRIVERS = {Path(command.split()[-1]).stem: command for command in known_drivers()}


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("path", find([]), ids=lambda path: path.stem)
async def test_promise_holds(path: Path, driver: str) -> None:
    left_out = await play(load(path), DRIVERS[driver])
    if left_out:
        pytest.skip(left_out)
