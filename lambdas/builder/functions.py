"""Reads the metadata of the functions' folders."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder.errors import BuildError

_VERSION = re.compile(r"\d+\.\d+\.\d+([abrc.+-][0-9A-Za-z.+-]*)?")


@dataclass(frozen=True, slots=True)
class Function:
    """A Lambda function: the folder `lambdas/<name>` with its `handler.py`, metadata and lock."""

    name: str
    version: str
    dependencies: tuple[str, ...]
    lock: Path


def discover(root: Path) -> list[Function]:
    """Return every function under `root`, sorted by name: the folders that have a `handler.py`."""
    return [load(handler.parent) for handler in sorted(root.glob("*/handler.py"))]


def load(folder: Path) -> Function:
    """Read a function's `pyproject.toml`. Raises BuildError that names the file and the key at fault."""
    path = folder / "pyproject.toml"
    project = _read_table(path, "project")
    name, version = project.get("name"), project.get("version")
    if name != folder.name:
        raise BuildError(f"{path}: project.name must be the folder's name, {folder.name!r}, not {name!r}")
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        raise BuildError(f"{path}: project.version must be like '1.2.3', not {version!r}")
    lock = folder / "requirements.txt"
    if not lock.is_file():
        raise BuildError(f"{lock} is missing: run `make lock`")
    return Function(
        name=folder.name,
        version=version,
        dependencies=tuple(_read_strings(path, project, "project", "dependencies")),
        lock=lock,
    )


def read_shared_version(folder: Path) -> str:
    """Return the version of a shared library, from its `pyproject.toml`."""
    return str(_read_table(folder / "pyproject.toml", "project").get("version"))


def _read_table(path: Path, dotted: str) -> dict[str, Any]:
    try:
        table: Any = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise BuildError(f"{path} is missing: it names the function, its version and dependencies") from error
    except tomllib.TOMLDecodeError as error:
        raise BuildError(f"{path}: {error}") from error
    for key in dotted.split("."):
        table = table.get(key)
        if not isinstance(table, dict):
            raise BuildError(f"{path}: the table [{dotted}] is missing")
    return dict(table)


def _read_strings(path: Path, table: dict[str, Any], dotted: str, key: str) -> list[str]:
    value = table.get(key)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise BuildError(f"{path}: {dotted}.{key} must be a list of strings (it may be empty)")
    return value
