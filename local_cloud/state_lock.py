"""The lock of a state folder: the process that holds it owns the folder, and the kernel releases it.

An HTTP answer says less: a proxy between, a suspended process or a busy machine keep it away while the cloud
runs, and a command that then clears the folder destroys what is running.
"""

from __future__ import annotations

import fcntl
import os
import shlex
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from local_cloud.settings import CloudFailed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CLOUD = "cloud.lock"
"""The lock of the proxy's process: the cloud holds it as long as it runs."""
EMULATOR = "emulator.lock"
"""The lock of the emulator's state, which outlives a killed proxy until the emulator has saved it."""

# A look at the lock takes it for a moment, and a cloud that starts waits for that to end.
_PATIENCE_SECONDS = 1.0


@contextmanager
def holding(state: Path, name: str = CLOUD, patience: float = _PATIENCE_SECONDS) -> Iterator[int]:
    """Hold a lock of a state folder, which is created if need be; yield its descriptor.

    A process that inherits the descriptor holds the lock on. Raises CloudFailed where another process holds
    it for longer than `patience` seconds.
    """
    state.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(state / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + patience
        while not _try(descriptor, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                raise CloudFailed(
                    f"another local cloud of {state} runs or ends: stop it first ({describe_stop(state)})"
                )
            time.sleep(0.02)
        yield descriptor
    finally:
        os.close(descriptor)


def is_held(state: Path) -> bool:
    """Return whether a cloud owns the state folder now."""
    try:
        descriptor = os.open(state / CLOUD, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not _try(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def describe_stop(state: Path) -> str:
    """Return the command that stops the cloud of a state folder."""
    return f"python -m local_cloud --state {shlex.quote(str(state))} down"


def _try(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
