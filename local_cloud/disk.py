"""A full disk, named as such with its remedy, before something half-written breaks something else."""

from __future__ import annotations

import errno
import shutil
from typing import TYPE_CHECKING

from local_cloud.settings import CloudFailed

if TYPE_CHECKING:
    from pathlib import Path

ROOM_MB = 100
"""What a cloud writes until it stops: its state, its logs and unpacked zips, and a multiple of that."""
_MB = 1e6
_FULL = {errno.ENOSPC, errno.EDQUOT}
REMEDY = "free some space; `make clean` and `rm -rf .local_cloud/snapshots` remove what can be made again"


def require_room(folder: Path) -> None:
    """Raise CloudFailed if the disk of a folder is nearly full."""
    free = shutil.disk_usage(folder).free / _MB
    if free < ROOM_MB:
        raise CloudFailed(
            f"the disk of {folder} is full: {free:,.0f} MB are free and {ROOM_MB} are needed; {REMEDY}"
        )


def is_full(error: OSError) -> bool:
    """Whether an error of writing says that the disk, or this user's share of it, is full."""
    if isinstance(error, shutil.Error):
        # Of a tree: source, target and the text of the error, for each file.
        return any(f"[Errno {number}]" in text for *_, text in error.args[0] for number in _FULL)
    return error.errno in _FULL
