"""How far the start of the local cloud is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.console import Console

SECONDS_BETWEEN_LINES = 10


class Progress:
    """One line that is renewed on a terminal; elsewhere a line every few seconds."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.started = self._said = time.monotonic()
        self._status = self._console.status("starting")

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._status.stop()

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self.started

    def __call__(self, line: str) -> None:
        """Say how far it is."""
        if self._console.is_terminal:
            self._status.update(f"{self.seconds:4.0f} s  {line}")
        elif time.monotonic() - self._said > SECONDS_BETWEEN_LINES:
            self._said = time.monotonic()
            self._console.print(f"{self.seconds:4.0f} s  {line}")
