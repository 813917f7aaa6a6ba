"""A function's locked dependencies, installed once per lock and target."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from builder import locks
from builder.errors import BuildError
from builder.functions import Function
from builder.targets import Target


def installed(function: Function, target: Target, cache: Path) -> Path:
    """The folder with what the lock pins, for the target; installed by uv unless it is in `cache`.

    Only wheels that match the lock's hashes are taken. Raises BuildError, with uv's own words.
    """
    locks.check(function)
    words = "\n".join(
        (target.name, target.python, target.platform or sys.platform, function.lock.read_text("utf-8"))
    )
    directory = cache / f"{target.name}-{hashlib.sha256(words.encode()).hexdigest()[:16]}"
    if not directory.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            staged = Path(scratch, "site")
            staged.mkdir()
            if locks.pins(function.lock):
                _install(function, target, staged)
            with suppress(OSError):  # another build was first; its folder is as good
                staged.rename(directory)
    locks.check_installed(function, directory)
    return directory


def _install(function: Function, target: Target, directory: Path) -> None:
    platform = ["--python-platform", target.platform] if target.platform else []
    command = [
        *(_uv(), "pip", "install", "--quiet", "--require-hashes", "--only-binary", ":all:"),
        *("--python", sys.executable, "--python-version", target.python, *platform),
        *("--target", str(directory), "--requirement", str(function.lock)),
    ]
    environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never"}
    answer = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if answer.returncode:
        raise BuildError(
            f"{function.lock} could not be installed for {target.name}:\n{answer.stderr.strip()}"
        )


def _uv() -> str:
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.is_file() else shutil.which("uv")
    if not found:
        raise BuildError("uv is missing: run `make setup`, or install uv and put it on PATH")
    return found
