"""Scripts that replace the programs of a machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str, str], Path]:
    """Writes a shell script into an own `bin` folder: `program(name, body)` returns its path."""
    directory = tmp_path / "bin"
    directory.mkdir()

    def write(name: str, body: str) -> Path:
        path = directory / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return path

    return write
