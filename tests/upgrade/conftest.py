"""The first release, in a folder of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.upgrade.release import HistoryMissing, Release, check_out

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def first_release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """Version 0.3.0; the tests fail, and say what to do, where the clone is shallow."""
    folder: Path = tmp_path_factory.mktemp("first")
    try:
        return check_out(folder)
    except HistoryMissing as missing:
        pytest.fail(str(missing), pytrace=False)
