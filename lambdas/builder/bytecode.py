"""Compiled modules for the zip: they save 40 to 60 % of a cold start.

They are valid for one minor version of Python alone, so Lambda's own has to be there. They are of the
unchecked kind: no timestamps, and no look at the source.
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
"""What to ask for where zips are to hold source alone."""

_ROOT = "/var/task"  # where Lambda unpacks a zip: what tracebacks show


def compiler(asked: str | None, target: Target) -> str | None:
    """The interpreter that compiles for the target: the one asked for, or one that is there; None without.

    Zips for a local cloud are compiled only by request: they are built anew with every change.
    """
    if asked:
        return None if asked == NONE else asked
    if target.platform is None:
        return None
    return next(
        (one for one in (shutil.which(f"python{target.python}"), sys.executable) if _fits(one, target)), None
    )


def _fits(python: str | None, target: Target) -> bool:
    try:
        return python is not None and bool(version(python, target))
    except BuildError:  # another version, or a launcher with nothing behind it
        return False


def version(python: str, target: Target) -> str:
    """The full version of the interpreter `python`. Raises BuildError unless it fits the target."""
    answer = _run([python, "-I", "-c", "import platform; print(platform.python_version())"])
    if not answer.startswith(f"{target.python}."):
        raise BuildError(f"BYTECODE_PYTHON={python} is Python {answer}; {target.name} runs {target.python}")
    return answer


def compiled(python: str, contents: Mapping[str, bytes]) -> dict[str, bytes]:
    """The compiled form of every module in `contents`, by name in the zip."""
    sources = {name: data for name, data in contents.items() if name.endswith(".py")}
    with tempfile.TemporaryDirectory() as scratch:
        for name, data in sources.items():
            path = Path(scratch, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        options = ["--invalidation-mode", "unchecked-hash", "-q", "-s", scratch, "-p", _ROOT]
        _run([python, "-I", "-m", "compileall", *options, scratch])
        found = sorted(Path(scratch).rglob("*.pyc"))
        return {path.relative_to(scratch).as_posix(): path.read_bytes() for path in found}


def _run(command: list[str]) -> str:
    try:
        # Sets of constants are written in the order of their hashes.
        environment = {**os.environ, "PYTHONHASHSEED": "0"}
        answer = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    except OSError as error:
        raise BuildError(f"BYTECODE_PYTHON={command[0]} does not run: {error}") from error
    if answer.returncode:
        raise BuildError(f"{' '.join(command)} failed:\n{answer.stdout}{answer.stderr}")
    return answer.stdout.strip()
