"""What every reader is held to besides its own errors: time for each byte, texts that give nothing away."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, TypeVar

T = TypeVar("T")

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS_BASE, SECONDS_PER_BYTE = 0.05, 5e-6
"""Processor time that an input may take: 50 ms, and 5 s for a megabyte."""
TEXT_CHARS_MAX = 16 * 1024
"""Of a refusal: it goes into a reply, a log line or a dead letter's attribute."""
_INTERNALS = re.compile(
    r"Traceback \(most|File \"/|, line \d+, in | object at 0x[0-9a-f]|<(?:class|function|module) '"
    r"|site-packages|/var/task|realtime_core[./]|message_router[./]|arn:aws:|[a-z_]+\.py\b"
)


def find_leak(text: str, given: str) -> str | None:
    """Return what a text that leaves the service says of its inside, or None. `given` is the input."""
    for found in _INTERNALS.finditer(text):
        if found.group() not in given:
            return found.group()
    return None


class TooSlow(AssertionError):
    """An input takes more processor time than its size explains."""


def timed(run: Callable[[], T], size: int, patience: int = 1) -> T:
    """Call and return its result.

    Raises TooSlow if three calls in turn take more than `patience` times what `size` bytes may.
    """
    allowed = patience * (SECONDS_BASE + SECONDS_PER_BYTE * size)
    took = []
    for _ in range(3):
        started = time.thread_time()
        result = run()
        took.append(time.thread_time() - started)
        if took[-1] <= allowed:
            return result
    raise TooSlow(f"{min(took):.3f} s for {size} bytes; {allowed:.3f} are allowed")
