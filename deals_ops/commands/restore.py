"""`restore TABLE --from RESTORED`: copy back what is lost, from a table that AWS has restored."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from deals_ops.errors import Missing, WrongArgument
from deals_ops.formatting import build_facts
from deals_ops.restoring import KEYS, copy_records
from deals_ops.terminal import CommandResult, Terminal

if TYPE_CHECKING:
    from argparse import Namespace

    from deals_ops.command_parsers import CommandParsers
    from deals_ops.stack import Stack

SETTINGS = {
    "messages": ("message_router", "MESSAGES_TABLE"),
    "history": ("janitor", "HISTORY_TABLE"),
    "revocations": ("janitor", "REVOCATIONS_TABLE"),
}
"""By table: a function and its environment variable with the name."""


def add_commands(parsers: CommandParsers) -> None:
    """Add the command."""
    command = parsers.add_command(
        "restore", "copy the records that a table lacks from one that AWS has restored beside it"
    )
    command.add_argument("table", choices=tuple(KEYS), help="the table to complete")
    command.add_argument(
        "--from", required=True, dest="source", metavar="NAME", help="the name of the restored table"
    )
    command.add_argument(
        "--dry-run", action="store_true", help="count what would be copied, and copy nothing"
    )
    command.set_defaults(run=run)


def run(stack: Stack, arguments: Namespace, terminal: Terminal) -> CommandResult:
    """Copy what is missing. Raises Missing for an unknown table, WrongArgument for the table in service."""
    table, source = arguments.table, arguments.source
    target = stack.get_setting(*SETTINGS[table])
    if source == target:
        raise WrongArgument(f"--from: {source} is the table in service; name the restored one")
    items = _count_items(stack, source)
    if not arguments.dry_run:
        terminal.confirm(f"Copy what {target} lacks from {source}?")

    with terminal.show_progress("reading", items) as advance:
        copied = copy_records(
            stack.dynamodb,
            table,
            source=source,
            target=target,
            now=int(time.time()),
            dry_run=arguments.dry_run,
            advance=advance,
        )
    data = {"table": table, "from": source, "dryRun": arguments.dry_run, **copied._asdict()}
    return CommandResult(data, [build_facts(data.items())])


def _count_items(stack: Stack, name: str) -> int:
    """About how many items a table has: AWS counts them every six hours. Raises Missing."""
    client = stack.aws.client("dynamodb")
    try:
        described = client.describe_table(TableName=name)["Table"]
    except client.exceptions.ResourceNotFoundException as error:
        raise Missing(f"there is no table {name} in {stack.aws.region}: restore it first") from error
    return int(described.get("ItemCount", 0))
