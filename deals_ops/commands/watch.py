"""`watch`: connections, events a second, queues and alarms, refreshed until q or Ctrl-C."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.live import Live
from rich.text import Text

from deals_ops.argument_types import integer_between
from deals_ops.commands.status import build_queues, format_verdict
from deals_ops.error_translation import translate_error
from deals_ops.errors import CallFailed
from deals_ops.formatting import build_facts, build_table, format_time, strip_control_characters
from deals_ops.keyboard import reading_keys
from deals_ops.stack_state import CALLS_AT_ONCE, collect_load, find_load_problems, list_firing
from deals_ops.terminal import CommandResult, Terminal

if TYPE_CHECKING:
    from argparse import Namespace

    from rich.console import RenderableType

    from deals_ops.command_parsers import CommandParsers
    from deals_ops.errors import OpsError
    from deals_ops.stack import Stack

SECONDS = 5


def add_commands(parsers: CommandParsers) -> None:
    """Add the command."""
    command = parsers.add_command("watch", "show connections, events, queues and alarms live, until q")
    command.add_argument(
        "--seconds", type=integer_between(1, 3_600), default=SECONDS, help=f"between refreshes ({SECONDS})"
    )
    command.add_argument("--count", type=integer_between(1, 1_000_000), help="end after so many refreshes")
    command.set_defaults(run=run)


def run(stack: Stack, arguments: Namespace, terminal: Terminal) -> CommandResult:
    """Refresh until q, Ctrl-C or the count, all of which end well. A call that fails is tried again."""
    # Every stack has the janitor, so this reports a wrong name before anything is drawn.
    stack.get_configuration("janitor")
    view = _View(terminal, arguments.seconds)
    try:
        with ThreadPoolExecutor(CALLS_AT_ONCE) as pool, reading_keys() as wait, view.open():
            sampler, number = Sampler(stack, pool), 0
            while True:
                number += 1
                try:
                    view.show(sampler.sample(time.time()))
                except Exception as error:
                    reported = translate_error(error)
                    # Missing permissions stay missing; only a failed call may succeed the next time.
                    if not isinstance(reported, CallFailed):
                        raise
                    view.show_failure(reported)
                if number == arguments.count or wait(arguments.seconds):
                    break
    except KeyboardInterrupt:
        pass
    return CommandResult(None)


class Sampler:
    """Reads the load of a stack, and what it came to since the reading before."""

    def __init__(self, stack: Stack, pool: ThreadPoolExecutor) -> None:
        self._stack = stack
        self._pool = pool
        self._before: tuple[float, int] | None = None

    def sample(self, now: float) -> dict[str, Any]:
        """Return what `watch --json` prints of one moment (epoch seconds)."""
        load = collect_load(self._stack, self._pool)
        newest = load["history"]["newest"]
        rate = None
        if self._before is not None and now > self._before[0]:
            # The history starts again if it is deleted.
            rate = round(max(0, newest - self._before[1]) / (now - self._before[0]), 2)
        self._before = now, newest
        return {
            "at": round(now, 3),
            "stack": self._stack.prefix,
            "connections": load["connections"],
            "eventsPerSecond": rate,
            "newest": newest,
            "queues": load["queues"],
            "alarms": list_firing(load),
            "problems": find_load_problems(load),
        }


class _View:
    """Draws samples: on a terminal in place, in a pipe one below the other, or as lines of JSON."""

    def __init__(self, terminal: Terminal, seconds: int) -> None:
        self._terminal = terminal
        self._seconds = seconds
        live = not terminal.as_json and sys.stdout.isatty()
        self._live = Live(console=terminal.out, screen=True, auto_refresh=False) if live else None
        self._shown: list[RenderableType] = []

    def open(self) -> Any:
        """The context in which the view is on the screen."""
        return self._live or nullcontext()

    def show(self, sample: dict[str, Any]) -> None:
        """Show a sample."""
        if self._terminal.as_json:
            self._terminal.print_json(sample)
            return
        self._shown = build_view(sample)
        self._draw([])

    def show_failure(self, error: OpsError) -> None:
        """Say below the newest sample that a reading failed."""
        if self._live is None:
            self._terminal.print_error(error)
        else:
            text = f"{error}; trying again in {self._seconds} s"
            self._draw([Text(strip_control_characters(text), "bold red")])

    def _draw(self, more: list[RenderableType]) -> None:
        if self._live is None:
            self._terminal.out.print(Group(*self._shown, ""))
        else:
            # First, since a low terminal cuts off what is below its last line.
            hint = Text(f"every {self._seconds} s; q ends", "dim")
            self._live.update(Group(hint, *more, "", *self._shown), refresh=True)


def build_view(sample: dict[str, Any]) -> list[RenderableType]:
    """Build what people see of a sample: the verdict first, then figures, queues and alarms."""
    problems = sample["problems"]
    rate = sample["eventsPerSecond"]
    facts = [
        ("at", format_time(sample["at"])),
        ("connections", f"{sample['connections']:,}"),
        ("events a second", "-" if rate is None else f"{rate:,.2f}"),
        ("newest event", f"position {sample['newest']:,}"),
    ]

    view: list[RenderableType] = [
        Text(format_verdict(sample["stack"], problems), "bold red" if problems else "bold green"),
        *(Text(f"  {strip_control_characters(problem)}") for problem in problems),
        "",
        build_facts(facts),
        "",
        build_queues(sample["queues"]),
    ]

    if sample["alarms"]:
        rows = ([alarm["alarm"], format_time(alarm["since"]), alarm["reason"]] for alarm in sample["alarms"])
        view += ["", build_table(("alarm", "since", "reason"), rows)]
    return view
