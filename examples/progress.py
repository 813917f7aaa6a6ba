"""Shows the progress while the local cloud starts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.console import Console

SECONDS_BETWEEN_LINES = 10


class Progress:
    """One line that is updated on a terminal; elsewhere a new line every few seconds."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.started = self._printed = time.monotonic()
        self._status = self._console.status("starting")

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._status.stop()

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    def __call__(self, step: str) -> None:
        """Show the current step."""
        if self._console.is_terminal:
            self._status.update(f"{self.seconds:4.0f} s  {step}")
        elif time.monotonic() - self._printed > SECONDS_BETWEEN_LINES:
            self._printed = time.monotonic()
            self._console.print(f"{self.seconds:4.0f} s  {step}")
