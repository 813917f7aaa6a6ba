"""Programs and folders that stand in for what a machine may have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str, str], Path]:
    """Put a shell script on a PATH of its own: `program(name, body)` is its path."""
    directory = tmp_path / "bin"
    directory.mkdir()

    def write(name: str, body: str) -> Path:
        path = directory / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return path

    return write
