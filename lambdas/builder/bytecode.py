"""Compiles modules for the zip, which saves 40 to 60 % of a cold start.

Compiled modules are valid for one minor version of Python, so they need an interpreter of Lambda's own. They
hold an unchecked hash: no timestamp, and Python does not compare them with the source.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from builder.errors import BuildError
from builder.targets import Target

NONE = "none"
"""The value of BYTECODE_PYTHON that asks for zips with source alone."""

_ROOT = "/var/task"  # where Lambda unpacks a zip: the path that tracebacks show


def find_compiler(requested: str | None, target: Target) -> str | None:
    """Return the interpreter that compiles for the target: the requested one, or one of this machine.

    Returns None if there is none. Zips for a local cloud, which every change rebuilds, are compiled only on
    request.
    """
    if requested:
        return None if requested == NONE else requested
    if target.platform is None:
        return None
    candidates = (shutil.which(f"python{target.python}"), sys.executable)
    return next((python for python in candidates if _fits(python, target)), None)


def _fits(python: str | None, target: Target) -> bool:
    try:
        return python is not None and bool(read_version(python, target))
    except BuildError:  # another version, or a launcher with nothing behind it
        return False


def read_version(python: str, target: Target) -> str:
    """Return the full version of an interpreter. Raises BuildError if it does not fit the target."""
    version = _run([python, "-I", "-c", "import platform; print(platform.python_version())"])
    if not version.startswith(f"{target.python}."):
        raise BuildError(f"BYTECODE_PYTHON={python} is Python {version}; {target.name} runs {target.python}")
    return version


def compile_modules(python: str, contents: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the compiled form of every module in `contents`, by name in the zip."""
    sources = {name: data for name, data in contents.items() if name.endswith(".py")}
    with tempfile.TemporaryDirectory() as scratch:
        for name, data in sources.items():
            path = Path(scratch, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

        options = ["--invalidation-mode", "unchecked-hash", "-q", "-s", scratch, "-p", _ROOT]
        _run([python, "-I", "-m", "compileall", *options, scratch])
        paths = sorted(Path(scratch).rglob("*.pyc"))
        return {path.relative_to(scratch).as_posix(): path.read_bytes() for path in paths}


def _run(command: list[str]) -> str:
    # The order of a set of constants follows their hashes, which are random without a seed.
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    try:
        completed = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    except OSError as error:
        raise BuildError(f"BYTECODE_PYTHON={command[0]} does not run: {error}") from error
    if completed.returncode:
        raise BuildError(f"{' '.join(command)} failed:\n{completed.stdout}{completed.stderr}")
    return completed.stdout.strip()
