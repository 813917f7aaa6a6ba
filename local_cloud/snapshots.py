"""Applied clouds kept on disk, so that the next start takes seconds.

A snapshot's key covers everything that Terraform reads except the zips; a restored cloud takes new zips in
an apply of a few seconds. A first apply takes minutes: the provider alone waits 90 seconds for queues.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from local_cloud.disk import REMEDY, is_full
from local_cloud.settings import CloudFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

KEPT = 4
"""How many snapshots stay; the oldest are deleted."""


class NotKept(UserWarning):
    """An applied cloud could not be kept: the next start applies again."""


def make_key(folders: Iterable[Path], *parts: str) -> str:
    """Return the name of an applied state: a hash of the declarations in `folders` and of `parts`."""
    digest = hashlib.sha256("\0".join(parts).encode())
    for folder in folders:
        for path in sorted(folder.rglob("*") if folder.is_dir() else [folder]):
            if path.is_file() and not _ignored(path):
                digest.update(path.relative_to(folder.parent).as_posix().encode() + b"\0")
                digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _ignored(path: Path) -> bool:
    return ".terraform" in path.parts or path.suffix not in {".tf", ".json", ".txt", ".tfvars", ".tftpl"}


def restore(store: Path, name: str, into: Path) -> bool:
    """Copy a snapshot into a folder that does not exist yet; return whether there is one.

    Raises CloudFailed if the disk is full.
    """
    source = store / name
    if not store.is_dir():
        return False
    try:
        with _locked(store, fcntl.LOCK_SH):
            if not source.is_dir():
                return False
            shutil.copytree(source, into, symlinks=True)
            source.touch()
    except OSError as error:
        shutil.rmtree(into, ignore_errors=True)
        if is_full(error):
            raise CloudFailed(f"the disk is full: {REMEDY}") from error
        raise
    return True


def save(source: Path, store: Path, name: str) -> None:
    """Copy a folder into the store, complete or not at all, and delete the oldest snapshots.

    A full disk is a warning: the service runs without its snapshot, and the next start applies again.
    """
    partial = store / f".{name}.partial"
    try:
        store.mkdir(parents=True, exist_ok=True)
        with _locked(store, fcntl.LOCK_EX):
            shutil.rmtree(partial, ignore_errors=True)
            shutil.copytree(source, partial, symlinks=True)
            shutil.rmtree(store / name, ignore_errors=True)
            partial.rename(store / name)
            _delete_oldest(store)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        if not is_full(error):
            raise
        warnings.warn(f"not kept for the next start, since the disk is full: {REMEDY}", NotKept, stacklevel=2)


def _delete_oldest(store: Path) -> None:
    by_age = sorted(store.glob("[!.]*"), key=lambda snapshot: snapshot.stat().st_mtime)
    for old in by_age[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)


@contextmanager
def making(store: Path, name: str, wait: Callable[[], None]) -> Iterator[None]:
    """Be the only run that makes a snapshot; call `wait` where another is, and go on when that has ended."""
    store.parent.mkdir(parents=True, exist_ok=True)
    with (store.parent / f"{name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            wait()
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _locked(store: Path, kind: int) -> Iterator[None]:
    """Keep others from changing what is copied: runs at once, on other ports, share snapshots."""
    with store.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, kind)
        yield
