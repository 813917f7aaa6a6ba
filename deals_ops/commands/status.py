"""`status`: functions, queues, alarms, connections and history of a stack, and their problems."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deals_ops.errors import DONE, PARTLY
from deals_ops.formatting import build_facts, build_table, format_time
from deals_ops.stack_state import collect_state, list_firing
from deals_ops.terminal import CommandResult, Terminal

if TYPE_CHECKING:
    from argparse import Namespace

    from rich.table import Table

    from deals_ops.command_parsers import CommandParsers
    from deals_ops.stack import Stack


def add_commands(parsers: CommandParsers) -> None:
    """Add the command."""
    command = parsers.add_command("status", "show the state of the stack, its load and its problems")
    command.add_argument("--check", action="store_true", help="exit with 1 if there is a problem")
    command.add_argument("--all", action="store_true", help="show also what is fine: each function and queue")
    command.set_defaults(run=run)


def run(stack: Stack, arguments: Namespace, terminal: Terminal) -> CommandResult:
    """Collect the state of functions, queues, alarms, connections and history."""
    with terminal.show_progress("collecting"):
        data = collect_state(stack)
    display = _build_display(data, show_all=arguments.all)
    return CommandResult(data, display, PARTLY if arguments.check and data["problems"] else DONE)


def _build_display(data: dict[str, Any], *, show_all: bool) -> list[Any]:
    """Say first how the stack is, then what is wrong; the rest with `--all`, and in short without."""
    verdict = format_verdict(data["stack"], data["problems"])
    problems = [f"  {problem}" for problem in data["problems"]]
    shown = [alarm for alarm in data["alarms"] if alarm["state"] != "OK"] if show_all else list_firing(data)
    tables = [_build_facts(data)]
    if show_all:
        tables += [_build_functions(data["functions"]), build_queues(data["queues"])]
    elif busy := [queue for queue in data["queues"] if queue["waiting"] or queue["delayed"]]:
        tables.append(build_queues(busy))
    if shown:
        rows = (
            [alarm["alarm"], alarm["state"], format_time(alarm["since"]), alarm["reason"]] for alarm in shown
        )
        tables.append(build_table(("alarm", "state", "since", "reason"), rows))

    return [verdict, *problems, *(item for table in tables for item in ("", table)), *_sum_up(data, show_all)]


def format_verdict(stack: str, problems: list[str]) -> str:
    """Say in one line how a stack is."""
    count = len(problems)
    return f"{stack} is well" if not count else f"{stack} has {count} problem{'s'[: count - 1]}"


def _sum_up(data: dict[str, Any], show_all: bool) -> list[str]:
    if show_all:
        return []
    waiting = sum(queue["waiting"] for queue in data["queues"])
    parts = f"{len(data['functions'])} functions, {len(data['queues'])} queues, {len(data['alarms'])} alarms"
    return ["", f"{parts}; {waiting} messages wait. --all shows each."]


def _build_facts(data: dict[str, Any]) -> Table:
    history = data["history"]
    facts = [
        ("stack", f"{data['stack']} ({data['region']})"),
        ("clients connect to", data["websocketUrl"]),
        ("connections", data["connections"]),
        ("events kept", f"positions {history['oldest']} to {history['newest']}"),
    ]
    return build_facts(facts)


def _build_functions(functions: list[dict[str, Any]]) -> Table:
    rows = (
        [
            function["function"],
            function["version"],
            function["state"],
            function["memoryMb"],
            f"{function['timeoutSeconds']} s",
            function["lastModified"][:16].replace("T", " "),
        ]
        for function in functions
    )
    return build_table(("function", "version", "state", "MB", "timeout", "changed"), rows)


def build_queues(queues: list[dict[str, Any]]) -> Table:
    """Build the table of queues."""
    rows = ([queue["queue"], queue["waiting"], queue["inFlight"], queue["delayed"]] for queue in queues)
    return build_table(("queue", "waiting", "in flight", "delayed"), rows)
