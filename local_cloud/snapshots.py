"""Applied clouds kept on disk, so that the next start takes seconds.

A snapshot's key is made of everything that Terraform reads but the zips; a restored cloud takes new zips
by an apply of a few seconds. The provider alone waits a minute and a half for queues otherwise.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

KEPT = 4
"""How many snapshots stay; the oldest go."""


def key(folders: Iterable[Path], *words: str) -> str:
    """A name for an applied state: a hash of the declarations in `folders` and of what else decides it."""
    digest = hashlib.sha256("\0".join(words).encode())
    for folder in folders:
        for path in sorted(folder.rglob("*") if folder.is_dir() else [folder]):
            if path.is_file() and not _ignored(path):
                digest.update(path.relative_to(folder.parent).as_posix().encode() + b"\0")
                digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _ignored(path: Path) -> bool:
    return ".terraform" in path.parts or path.suffix not in {".tf", ".json", ".txt", ".tfvars", ".tftpl"}


def restore(store: Path, name: str, into: Path) -> bool:
    """Copy a snapshot into a folder that does not exist yet; whether there was one."""
    source = store / name
    if not source.is_dir():
        return False
    shutil.copytree(source, into, symlinks=True)
    source.touch()
    return True


def save(source: Path, store: Path, name: str) -> None:
    """Keep a copy of a folder as a snapshot, complete or not at all, and let the oldest go."""
    store.mkdir(parents=True, exist_ok=True)
    partial = store / f".{name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(source, partial, symlinks=True)
    shutil.rmtree(store / name, ignore_errors=True)
    partial.rename(store / name)
    # Without the partial copies of others, which are renamed any moment.
    kept = sorted(store.glob("[!.]*"), key=lambda snapshot: snapshot.stat().st_mtime)
    for old in kept[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)
