"""Shows what is waited for while the service starts: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import re
import time
from typing import TYPE_CHECKING, Self

from rich import progress as bars
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

SECONDS_BETWEEN_LINES = 10
_SHOWN = 2
"""So many of the things that are waited for are named."""
_ADDRESS = re.compile(
    r"(?:.*module\.(?P<module>[\w-]+)(?P<member>\[[^]]*\])?\.)?(?:aws_)?(?P<resource>[\w-]+)\.[\w-]+(?P<key>\[[^]]*\])?"
)


class Step(str):
    """A line about an apply: how many of its changes are done, of how many, and what is under way.

    `since` has, by resource address, when its change began (`time.monotonic`).
    """

    __slots__ = ("done", "since", "total")

    def __new__(cls, text: str, done: int, total: int, since: Mapping[str, float]) -> Self:
        """Return the line with its numbers."""
        step = super().__new__(cls, text)
        step.done, step.total, step.since = done, total, dict(since)
        return step

    done: int
    total: int
    since: dict[str, float]


def describe_wait(since: Mapping[str, float], now: float) -> str:
    """Return what is waited for, the longest first: `cache elasticache_replication_group 23 s and 3 more`."""
    if not since:
        return ""
    longest = sorted(since.items(), key=lambda entry: entry[1])
    named = ", ".join(f"{shorten(address)} {now - begun:.0f} s" for address, begun in longest[:_SHOWN])
    return f"{named} and {len(longest) - _SHOWN} more" if len(longest) > _SHOWN else named


def shorten(address: str) -> str:
    """Return a resource's address as a person reads it: its module, its type and its key."""
    match = _ADDRESS.fullmatch(address)
    if match is None:
        return address
    module = f"{match['module']}{match['member'] or ''} " if match["module"] else ""
    return f"{module}{match['resource']}{match['key'] or ''}"


class Progress:
    """Shows the steps that it is called with, and the seconds since the start.

    A bar that is drawn again needs a terminal; NO_COLOR asks for plain text (no-color.org), so it gets lines.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self.started = self._printed = time.monotonic()
        self._step: str = "starting"
        self._bar: bars.Progress | None = None
        if console.is_terminal and not console.is_dumb_terminal and not os.environ.get("NO_COLOR"):
            columns = (bars.TimeElapsedColumn(), bars.BarColumn(20), _StepColumn(self))
            self._bar = bars.Progress(*columns, console=console, transient=True)
            self._task = self._bar.add_task("", total=None)

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    def __call__(self, step: str) -> None:
        """Show the current step."""
        self._step = step
        if self._bar is not None:
            total, done = (step.total, step.done) if isinstance(step, Step) else (None, 0)
            self._bar.update(self._task, total=total, completed=done)
        elif not isinstance(step, Step) or time.monotonic() - self._printed > SECONDS_BETWEEN_LINES:
            self._printed = time.monotonic()
            self._console.print(f"{self.seconds:4.0f} s  {self.describe()}", markup=False, highlight=False)

    def describe(self) -> str:
        """Return the current step as a person reads it now."""
        step = self._step
        if not isinstance(step, Step):
            return step
        wait = describe_wait(step.since, time.monotonic())
        return f"{step.done}/{step.total} {f'waiting for {wait}' if wait else step.partition(' ')[2]}"


class _StepColumn(bars.ProgressColumn):
    """The current step; what it waits for takes longer from one drawing to the next."""

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self._progress = progress

    def render(self, task: bars.Task) -> Text:  # noqa: ARG002 - the signature is rich's
        return Text(self._progress.describe(), overflow="ellipsis", no_wrap=True)
