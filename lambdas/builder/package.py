"""Builds the zip of one function from its folder."""

from __future__ import annotations

import hashlib
import os
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from builder import bytecode, dependencies
from builder.closure import Closure, find_closure
from builder.errors import BuildError
from builder.functions import Function
from builder.targets import Target

# Zips depend on their content alone: the earliest time that the format can hold, and a regular file that
# everybody may read, whatever the checkout says.
_TIME = (1980, 1, 1, 0, 0, 0)
_MODE = 0o100644 << 16
_UNIX = 3


@dataclass(frozen=True, slots=True)
class Archive:
    """A zip on disk: its path, its SHA-256 in hexadecimal, its size in bytes."""

    path: Path
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Builder:
    """Builds zips of the functions under `root` into `output`; `cache` keeps installed dependencies.

    `python` is the interpreter that compiles the modules; without one the zips hold source alone.
    """

    root: Path
    output: Path
    cache: Path
    target: Target
    python: str | None = None

    def build(self, function: Function) -> Archive:
        """Write `<function>-<version>.zip`, or `…-x86_64.zip`, and return it. Raises BuildError."""
        closure = find_closure(self.root, function.name)
        site = dependencies.install(function, self.target, self.cache)
        _check_external_imports(function, closure, site)

        contents = {file.relative_to(self.root).as_posix(): file.read_bytes() for file in closure.files}
        contents.update(dependencies.read_shipped_files(site))
        if self.python:
            contents.update(bytecode.compile_modules(self.python, contents))
        name = f"{function.name}-{function.version}{self.target.suffix}.zip"
        return _write_archive(self.output / name, contents)


def _check_external_imports(function: Function, closure: Closure, site: Path) -> None:
    """Raise BuildError for an import that the zip cannot satisfy."""
    for statement in closure.external:
        top = statement.module.partition(".")[0]
        provided = (site / top).is_dir() or any(site.glob(f"{top}.py")) or any(site.glob(f"{top}.*.so"))
        if not provided and not statement.optional:
            raise BuildError(
                f"{statement.place}: {function.name} imports {top}, which is not one of its dependencies: "
                f"add it to project.dependencies in {function.name}/pyproject.toml and run `make lock`"
            )


def _write_archive(path: Path, contents: Mapping[str, bytes]) -> Archive:
    """Write `contents` (by name in the zip) to `path` atomically.

    The same contents give the same bytes wherever Python uses the same version of zlib.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, scratch = tempfile.mkstemp(dir=path.parent, prefix=".building-")
    try:
        with os.fdopen(handle, "wb") as file, zipfile.ZipFile(file, "w") as archive:
            for name in sorted(contents):
                entry = zipfile.ZipInfo(name, _TIME)
                entry.external_attr = _MODE
                entry.create_system = _UNIX
                archive.writestr(entry, contents[name], zipfile.ZIP_DEFLATED, 9)

        # mkstemp creates files that only their owner may read.
        Path(scratch).chmod(0o644)
        Path(scratch).replace(path)
    finally:
        Path(scratch).unlink(missing_ok=True)

    data = path.read_bytes()
    return Archive(path, hashlib.sha256(data).hexdigest(), len(data))
