"""Waits for a key, or for a time: what a live view does between two refreshes."""

from __future__ import annotations

import os
import select
import sys
import termios
import time
import tty
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

QUIT = b"q"
_KEYS_MAX = 64


@contextmanager
def reading_keys() -> Iterator[Callable[[float], bool]]:
    """Read single keys from the terminal; without one there are none.

    Yields a function that waits so many seconds, and returns at once with True if q is pressed.
    """
    if not sys.stdin.isatty():
        yield _wait
        return

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    # Keys come without Return and are not echoed; Ctrl-C stays a signal.
    tty.setcbreak(descriptor)
    try:
        yield _wait_for_quit
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _wait(seconds: float) -> bool:
    time.sleep(seconds)
    return False


def _wait_for_quit(seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        if select.select([sys.stdin], [], [], left)[0]:
            # Not by sys.stdin, which would keep what was typed behind the first key.
            keys = os.read(sys.stdin.fileno(), _KEYS_MAX)
            # Nothing is the end of the input: nobody is there to press anything.
            if not keys or QUIT in keys.lower():
                return True
    return False
