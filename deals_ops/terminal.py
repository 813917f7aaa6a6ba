"""Input and output of a command: results, JSON lines, notes, errors, progress, and confirmation.

Results go to standard output, everything else to standard error; with `--json` both are lines of JSON.
"""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from deals_ops.colors import create_console
from deals_ops.errors import DONE, NotConfirmed, OpsError
from deals_ops.formatting import strip_control_characters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import RenderableType


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What a command found or did: `data` for scripts, `display` for people, and the exit code.

    `data` is None if the command has already printed its output line by line. `text` is printed as it is: it
    is neither wrapped nor freed from control characters, since it does not come from others.
    """

    data: Any
    display: Sequence[RenderableType] = ()
    exit_code: int = DONE
    text: str = ""


class Terminal:
    """Prints what a command reports, as tables or as JSON, and asks for confirmation."""

    def __init__(self, *, as_json: bool = False, assume_yes: bool = False) -> None:
        self.as_json = as_json
        self._assume_yes = assume_yes
        self.out = create_console(sys.stdout)
        self.err = create_console(sys.stderr, soft_wrap=True)

    def print_result(self, result: CommandResult) -> None:
        """Print the result of a command."""
        if self.as_json:
            if result.data is not None:
                self.print_json(result.data)
            return
        sys.stdout.write(result.text)
        for item in result.display:
            self.out.print(strip_control_characters(item) if isinstance(item, str) else item)

    def print_json(self, value: Any) -> None:
        """Print a value as one line of JSON, and flush it."""
        sys.stdout.write(_encode(value))
        sys.stdout.flush()

    def print_note(self, text: str) -> None:
        """Print a note to standard error."""
        if self.as_json:
            sys.stderr.write(_encode({"note": text}))
        else:
            self.err.print(strip_control_characters(text))

    def print_error(self, error: OpsError, details: str = "") -> None:
        """Print why a command failed, with `--json` as JSON; `details` are what a report of a bug needs."""
        if self.as_json:
            more = {"details": details} if details else {}
            data = {"error": {"exitCode": error.exit_code, "message": str(error), **more}}
            sys.stderr.write(_encode(data))
        else:
            if details:
                self.err.print(strip_control_characters(details))
            self.err.print(Text.assemble(("error: ", "bold red"), strip_control_characters(str(error))))

    def confirm(self, question: str) -> None:
        """Return if the user answers yes. Raises NotConfirmed if not, or if there is no terminal to ask."""
        if self._assume_yes:
            return
        if not sys.stdin.isatty():
            raise NotConfirmed(f"{question} There is no terminal to ask: repeat the command with --yes.")

        self.err.print(Text.assemble((strip_control_characters(question), "bold"), " [y/N] "), end="")
        if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
            raise NotConfirmed("nothing was done")

    @contextmanager
    def show_progress(self, task: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        """Show a progress bar, on a terminal only; yields a function that advances it by a number."""
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(
            *columns, TimeElapsedColumn(), console=self.err, transient=True, disable=not sys.stderr.isatty()
        ) as progress:
            task_id = progress.add_task(strip_control_characters(task), total=total)
            yield lambda steps: progress.update(task_id, advance=steps)


def _encode(value: Any) -> str:
    return json.dumps(value, separators=(",", ":")) + "\n"
