"""Finds the zips of earlier versions that lie beside those of a build."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from builder.functions import Function

_FILE = r"(?P<name>[a-z]\w*)-(?P<version>\d+\.\d+\.\d+[0-9A-Za-z.+-]*?)"


def find_earlier(output: Path, functions: Iterable[Function], suffix: str = "") -> list[dict[str, Any]]:
    """Return the manifest's entries of zips in `output` whose version is not the one of its function now.

    Only those whose names have the suffix of the build's target, since a manifest is of one architecture.

    A zip that a failed or an older build of another function left is an entry too: it costs nothing, and
    only a version that is asked for is ever deployed.
    """
    current = {f"{function.name}-{function.version}{suffix}.zip" for function in functions}
    name = re.compile(rf"{_FILE}{re.escape(suffix)}\.zip")
    entries = []
    for path in output.glob("*.zip"):
        parts = name.fullmatch(path.name)
        if parts and path.name not in current:
            data = path.read_bytes()
            entries.append(
                {
                    **parts.groupdict(),
                    "file": path.name,
                    "sha256": hashlib.sha256(data).hexdigest(),
                    "size": len(data),
                }
            )
    return sorted(entries, key=lambda entry: (entry["name"], _order(entry["version"])))


def _order(version: str) -> list[tuple[int, str]]:
    """Return a key that sorts 0.10.0 after 0.9.1."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"[.+-]", version)]
