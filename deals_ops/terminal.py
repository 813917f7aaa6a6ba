"""What a command says: tables for people, JSON for scripts, progress, and the question before harm.

Answers go to standard output, everything else to standard error. What others wrote (user ids, agents, events)
may hold control characters, which would move a terminal's cursor or worse: `plain` takes them out.
"""

from __future__ import annotations

import json
import re
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

from deals_ops.errors import DONE, NotConfirmed, OpsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from rich.console import RenderableType

WIDTH = 160
"""Columns where there is no terminal to ask: wide enough that a line of a pipe is not broken."""
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command found or did: `data` for scripts, `shown` for people, and the exit code.

    No data, where the command has printed it already, one by one.
    """

    data: Any
    shown: Sequence[RenderableType] = ()
    exit_code: int = DONE


class Screen:
    """Where a command speaks to whoever started it."""

    def __init__(self, *, as_json: bool = False, assume_yes: bool = False) -> None:
        self.as_json = as_json
        self._assume_yes = assume_yes
        self.out = Console(**_width(sys.stdout.isatty()), highlight=False, markup=False)
        self.err = Console(
            **_width(sys.stderr.isatty()), highlight=False, markup=False, stderr=True, soft_wrap=True
        )

    def show(self, answer: Answer) -> None:
        """Print an answer, once a command has it whole."""
        if self.as_json:
            if answer.data is not None:
                self.line(answer.data)
            return
        for one in answer.shown:
            self.out.print(plain(one) if isinstance(one, str) else one)

    def line(self, value: Any) -> None:
        """Print one line of JSON, at once: for scripts, and what comes one by one."""
        sys.stdout.write(json.dumps(value, separators=(",", ":")) + "\n")
        sys.stdout.flush()

    def note(self, text: str) -> None:
        """Say something beside the answer."""
        self.err.print(plain(text))

    def failed(self, error: OpsError) -> None:
        """Say why a command ended early."""
        if self.as_json:
            told = {"error": {"exitCode": error.exit_code, "message": str(error)}}
            sys.stderr.write(json.dumps(told, separators=(",", ":")) + "\n")
        else:
            self.err.print(Text.assemble(("error: ", "bold red"), plain(str(error))))

    def confirm(self, question: str) -> None:
        """Go on only with a yes. Raises NotConfirmed, without asking where there is nobody to ask."""
        if self._assume_yes:
            return
        if not sys.stdin.isatty():
            raise NotConfirmed(f"{question} There is no terminal to ask at: repeat it with --yes.")
        self.err.print(Text.assemble((plain(question), "bold"), " [y/N] "), end="")
        if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
            raise NotConfirmed("nothing was done")

    @contextmanager
    def progress(self, what: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        """Show how far long work is; call what comes back with how much was done since the last call."""
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(
            *columns, TimeElapsedColumn(), console=self.err, transient=True, disable=not sys.stderr.isatty()
        ) as bar:
            task = bar.add_task(plain(what), total=total)
            yield lambda done: bar.update(task, advance=done)


def plain(text: Any) -> str:
    """Text without control characters and marks that turn the direction of writing."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", str(text))


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str | None = None) -> Table:
    """A table for people; None is shown as a dash, numbers stand to the right."""
    rows = [list(row) for row in rows]
    made = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for place, column in enumerate(columns):
        numbers = bool(rows) and all(isinstance(row[place], int | float | None) for row in rows)
        made.add_column(column, justify="right" if numbers else "left", overflow="fold")
    for row in rows:
        made.add_row(*(Text("-" if one is None else plain(one)) for one in row))
    return made


def facts(pairs: Iterable[tuple[str, Any]]) -> Table:
    """Names and values, one a line."""
    made = Table(box=None, pad_edge=False, show_header=False)
    made.add_column(style="bold")
    made.add_column(overflow="fold")
    for name, value in pairs:
        made.add_row(name, Text("-" if value is None else plain(value)))
    return made


def moment(epoch_seconds: float | None) -> str | None:
    """A time for people, in UTC, as the logs have it."""
    if epoch_seconds is None:
        return None
    return time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(epoch_seconds))


def age(seconds: float) -> str:
    """How long ago, in the largest unit that says enough."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= 2 * size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(0, int(seconds))} s"


def _width(terminal: bool) -> dict[str, Any]:
    return {} if terminal else {"width": WIDTH}
