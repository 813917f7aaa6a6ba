"""`index check` and `index rebuild`: the fan-out index in Redis, if the stack has one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deals_ops.argument_types import integer_between
from deals_ops.errors import DONE, PARTLY, Missing
from deals_ops.formatting import build_facts
from deals_ops.terminal import CommandResult, Terminal

if TYPE_CHECKING:
    from argparse import Namespace

    from deals_ops.command_parsers import CommandParsers
    from deals_ops.stack import Stack

FUNCTION = "index_projector"
SUCCESS_OUTCOME = {"check": "equal", "rebuild": "ready"}
"""By task: the outcome with which it ends well."""


def add_commands(parsers: CommandParsers) -> None:
    """Add the group `index`."""
    group = parsers.add_group("index", "the fan-out index in Redis: check, rebuild")

    check = group.add_command("check", "compare the index with the tables; exit code 1 if they differ")
    check.add_argument(
        "--groups", type=integer_between(1, 100_000), help="only about so many groups, chosen at random"
    )
    check.add_argument("--repair", action="store_true", help="correct the differences")
    check.set_defaults(run=run, task="check")

    rebuild = group.add_command("rebuild", "rebuild the index from the tables; the service keeps running")
    rebuild.set_defaults(run=run, task="rebuild")


def run(stack: Stack, arguments: Namespace, terminal: Terminal) -> CommandResult:
    """Invoke the function that maintains the index, and show its response."""
    _require_redis(stack)
    request: dict[str, Any] = {"task": arguments.task}
    if arguments.task == "rebuild":
        terminal.confirm(f"Rebuild the index of {stack.prefix}? Every event reads DynamoDB until it is done.")
    else:
        options = {"groups": arguments.groups, "repair": arguments.repair}
        request |= {name: value for name, value in options.items() if value}

    with terminal.show_progress(f"{arguments.task} of the index"):
        data: dict[str, Any] = stack.invoke(FUNCTION, request, long_call=True)
    succeeded = data.get("outcome") == SUCCESS_OUTCOME[arguments.task]
    return CommandResult(data, [build_facts(data.items())], DONE if succeeded else PARTLY)


def _require_redis(stack: Stack) -> None:
    """Raise Missing if the stack runs without Redis, or does not exist."""
    # Every stack has the janitor, so this reports a wrong name as such.
    stack.get_configuration("janitor")
    try:
        stack.get_configuration(FUNCTION)
    except Missing as error:
        raise Missing(
            f"Redis is not enabled in {stack.prefix}: events are matched from DynamoDB, and there is no index"
        ) from error
