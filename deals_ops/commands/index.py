"""`index check` and `index rebuild`: the fan-out index in Redis, where a stack has one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deals_ops.argument_types import whole
from deals_ops.errors import DONE, PARTLY, Missing
from deals_ops.terminal import Answer, Screen, facts

if TYPE_CHECKING:
    from argparse import Namespace

    from deals_ops.main import Registrar
    from deals_ops.stack import Stack

FUNCTION = "index_projector"
WELL = {"check": ("equal",), "rebuild": ("ready",)}
"""The outcomes by which a task found nothing to do, or did it."""


def register(to: Registrar) -> None:
    """Add the commands."""
    group = to.group("index", "the fan-out index in Redis: check, rebuild")
    check = group.command("check", "compare the index with the tables; ends with 1 where they differ")
    check.add_argument("--groups", type=whole(1, 100_000), help="only about so many groups, at random")
    check.add_argument("--repair", action="store_true", help="set right what differs")
    check.set_defaults(run=run, task="check")
    rebuild = group.command("rebuild", "make the index anew from the tables; the service goes on meanwhile")
    rebuild.set_defaults(run=run, task="rebuild")


def run(stack: Stack, arguments: Namespace, screen: Screen) -> Answer:
    """Let the function that keeps the index do it, and say what it says."""
    _enabled(stack)
    task: dict[str, Any] = {"task": arguments.task}
    if arguments.task == "rebuild":
        screen.confirm(f"Rebuild the index of {stack.prefix}? Every event reads DynamoDB until it is done.")
    else:
        chosen = {"groups": arguments.groups, "repair": arguments.repair}
        task |= {name: value for name, value in chosen.items() if value}
    with screen.progress(f"{arguments.task} of the index"):
        data: dict[str, Any] = stack.invoke(FUNCTION, task, patient=True)
    well = data.get("outcome") in WELL[arguments.task]
    return Answer(data, [facts(data.items())], DONE if well else PARTLY)


def _enabled(stack: Stack) -> None:
    stack.configuration("janitor")  # no such stack: that is another thing to say
    try:
        stack.configuration(FUNCTION)
    except Missing as error:
        raise Missing(
            f"Redis is not enabled in {stack.prefix}: events are matched from DynamoDB, and there is no index"
        ) from error
