"""Installs a function's locked dependencies, once per lock and target, and selects the files that ship."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

from builder import locks
from builder.errors import BuildError
from builder.functions import Function
from builder.targets import Target

# Every file that ships costs download or cold start time. These folders do not ship, by path in the folder:
_EXCLUDED_FOLDERS = re.compile(
    r"""bin                             # console scripts
      | .*/__pycache__
      | [^/]+/(tests?|examples)         # of the dependencies themselves
    """,
    re.VERBOSE,
)
_EXCLUDED_FILES = re.compile(
    r"""(.*/)?\.[^/]*                   # what installers leave, such as .lock
      | .*\.(pyc|pyi|pxd|pyx|c|h)
      | (.*/)?py\.typed
    """,
    re.VERBOSE,
)
# The metadata of a distribution that ships: its name and version, and its licence.
_SHIPPED_METADATA = re.compile(
    r"[^/]+\.dist-info/(METADATA|licenses/.*|(LICEN[CS]E|NOTICE|COPYING|AUTHORS)[^/]*)"
)


def install(function: Function, target: Target, cache: Path) -> Path:
    """Return a folder in `cache` with the locked dependencies, which uv installs unless it is there.

    Takes only wheels that match the lock's hashes. Raises BuildError with uv's output.
    """
    locks.check_lock(function)
    identity = "\n".join(
        (target.name, target.python, target.platform or sys.platform, function.lock.read_text("utf-8"))
    )
    directory = cache / f"{target.name}-{hashlib.sha256(identity.encode()).hexdigest()[:16]}"

    if not directory.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            staged = Path(scratch, "site")
            staged.mkdir()
            if locks.read_pins(function.lock):
                _install_wheels(function, target, staged)
            with suppress(OSError):  # a concurrent build has installed the same
                staged.rename(directory)

    locks.check_installed(function, directory)
    return directory


def read_shipped_files(directory: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the files of an installation that ship, as (name in the zip, content)."""
    return ((name, path.read_bytes()) for name, path in _walk(directory, PurePosixPath()))


def _install_wheels(function: Function, target: Target, directory: Path) -> None:
    platform = ["--python-platform", target.platform] if target.platform else []
    command = [
        *(_find_uv(), "pip", "install", "--quiet", "--require-hashes", "--only-binary", ":all:"),
        *("--python", sys.executable, "--python-version", target.python, *platform),
        *("--target", str(directory), "--requirement", str(function.lock)),
    ]
    environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never"}
    completed = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if completed.returncode:
        raise BuildError(
            f"{function.lock} could not be installed for {target.name}:\n{completed.stderr.strip()}"
        )


def _find_uv() -> str:
    beside = Path(sys.executable).with_name("uv")
    path = str(beside) if beside.is_file() else shutil.which("uv")
    if not path:
        raise BuildError("uv is missing: run `make setup`, or install uv and put it on PATH")
    return path


def _walk(folder: Path, name: PurePosixPath) -> Iterator[tuple[str, Path]]:
    for child in sorted(folder.iterdir()):
        inner = name / child.name
        if child.is_dir():
            if not _EXCLUDED_FOLDERS.fullmatch(inner.as_posix()):
                yield from _walk(child, inner)
        elif _ships(inner.as_posix()):
            yield inner.as_posix(), child


def _ships(name: str) -> bool:
    if ".dist-info/" in name:
        return bool(_SHIPPED_METADATA.fullmatch(name))
    return not _EXCLUDED_FILES.fullmatch(name)
