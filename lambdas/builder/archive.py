"""Zips that depend on their content alone."""

from __future__ import annotations

import hashlib
import os
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# The earliest time that a zip can hold, and plain readable files, whatever the checkout says.
_TIME = (1980, 1, 1, 0, 0, 0)
_MODE = 0o100644 << 16
_UNIX = 3


@dataclass(frozen=True, slots=True)
class Archive:
    """A written zip: SHA-256 in hexadecimal, size in bytes."""

    path: Path
    sha256: str
    size: int


def write(path: Path, contents: Mapping[str, bytes]) -> Archive:
    """Write `contents` (by name in the zip) to `path`, whole or not at all.

    The same contents give the same bytes wherever Python's zlib is the same library.
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
        Path(scratch).chmod(0o644)
        Path(scratch).replace(path)
    finally:
        Path(scratch).unlink(missing_ok=True)
    data = path.read_bytes()
    return Archive(path, hashlib.sha256(data).hexdigest(), len(data))
