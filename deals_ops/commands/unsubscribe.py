"""`unsubscribe CONNECTION TOPIC`: end a subscription; its client is told, and does not renew it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deals_ops.argument_types import parse_connection_id, parse_topic
from deals_ops.errors import DONE, PARTLY, Missing
from deals_ops.terminal import CommandResult, Terminal
from janitor.ending import TASK

if TYPE_CHECKING:
    from argparse import Namespace

    from deals_ops.command_parsers import CommandParsers
    from deals_ops.stack import Stack


def add_commands(parsers: CommandParsers) -> None:
    """Add the command."""
    command = parsers.add_command("unsubscribe", "end a connection's subscription, and tell its client")
    command.add_argument("connection", type=parse_connection_id, metavar="CONNECTION", help="its id")
    command.add_argument("topic", type=parse_topic, metavar="TOPIC", help="of the subscription")
    command.set_defaults(run=run)


def run(stack: Stack, arguments: Namespace, terminal: Terminal) -> CommandResult:
    """Let the janitor end it. Raises Missing if there is no such subscription."""
    connection_id, topic = arguments.connection, arguments.topic
    terminal.confirm(f"End the subscription of {connection_id} to {topic} in {stack.prefix}?")
    request = {"task": TASK, "connectionId": connection_id, "topic": topic}
    answer: dict[str, Any] = stack.invoke("janitor", request)
    if not answer["ended"]:
        raise Missing(f"{connection_id} has no subscription to {topic}; see `who {connection_id}`")

    data = {"connectionId": connection_id, "topic": topic, "told": answer["told"]}
    told = "its client was told" if answer["told"] else "its client could not be told"
    return CommandResult(data, [f"ended: {topic}; {told}"], DONE if answer["told"] else PARTLY)
