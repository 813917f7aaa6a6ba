"""Finds the zips of the last build, where nothing that they depend on has changed since."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from builder.package import Archive

_NOTE = ".inputs"
_PASSED_OVER = {"__pycache__", ".mypy_cache", ".ruff_cache"}


def digest_inputs(root: Path, *parts: str) -> str:
    """Return a digest of every file under `root` (sources, locks, builder) and of `parts` (target, tools)."""
    digest = hashlib.sha256("\0".join(parts).encode())
    for path in sorted(root.rglob("*")):
        if path.is_file() and _PASSED_OVER.isdisjoint(path.parts):
            content = path.read_bytes()
            digest.update(f"{path.relative_to(root).as_posix()}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def find_archives(output: Path, inputs: str) -> dict[str, Archive]:
    """Return the zips in `output` by function, if all are as a build of these inputs left them; else none."""
    try:
        if (output / _NOTE).read_text() != inputs:
            return {}
        packages = json.loads((output / "manifest.json").read_text("utf-8"))["packages"]
        found = {package["name"]: output / package["file"] for package in packages}
        sums = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in found.items()}
    except (OSError, ValueError, LookupError):
        return {}
    if any(sums[package["name"]] != package["sha256"] for package in packages):
        return {}
    return {name: Archive(path, sums[name], path.stat().st_size) for name, path in found.items()}


def forget_inputs(output: Path) -> None:
    """Say that the zips in `output` are of no known inputs: a build is under way."""
    (output / _NOTE).unlink(missing_ok=True)


def note_inputs(output: Path, inputs: str) -> None:
    """Note of which inputs the manifest and the zips in `output` are."""
    (output / _NOTE).write_text(inputs)
