"""`block USER`, `unblock USER`, `blocked`: keep a user out, whatever tokens are issued."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from deals_ops.argument_types import parse_user_id
from deals_ops.commands.kick import close_connections, find_opening, remove_records
from deals_ops.errors import Missing
from deals_ops.formatting import build_table, format_time
from deals_ops.terminal import CommandResult, Terminal
from realtime_core.auth.base import block

if TYPE_CHECKING:
    from argparse import Namespace

    from deals_ops.command_parsers import CommandParsers
    from deals_ops.stack import Stack


def add_commands(parsers: CommandParsers) -> None:
    """Add the commands."""
    command = parsers.add_command(
        "block", "refuse a user until unblocked, whatever tokens are issued, and close the connections"
    )
    command.add_argument("user", type=parse_user_id, metavar="USER", help="the user's id")
    command.set_defaults(run=run_block)

    command = parsers.add_command("unblock", "let a blocked user connect again")
    command.add_argument("user", type=parse_user_id, metavar="USER", help="the user's id")
    command.set_defaults(run=run_unblock)

    command = parsers.add_command("blocked", "list the blocked users")
    command.set_defaults(run=run_blocked)


def run_block(stack: Stack, arguments: Namespace, terminal: Terminal) -> CommandResult:
    """Store the block, then close the user's connections; the janitor closes what is still opening."""
    user = arguments.user
    terminal.confirm(f"Block {user} in {stack.prefix}, and close all connections?")
    now = int(time.time())
    # First: a connection that opens after the list was read has been refused, or is found by the janitor.
    stack.revocations.revoke(block(user, now))

    connection_ids = [row.connection_id for row in stack.connections.of_user(user)]
    closed, gone = close_connections(stack, connection_ids, "blocked", terminal)
    opening = find_opening(stack, gone)
    remove_records(stack, [connection_id for connection_id in gone if connection_id not in opening])

    data = {"userId": user, "blockedAt": now, "closed": closed, "connecting": opening}
    display = [f"blocked: {user}; closed {len(closed)} connection(s)"]
    if opening:
        display.append(f"{len(opening)} still connecting: the janitor closes them within a minute")
    return CommandResult(data, display)


def run_unblock(stack: Stack, arguments: Namespace, _terminal: Terminal) -> CommandResult:
    """Lift a block. Raises Missing if there is none."""
    user = arguments.user
    if not stack.revocations.lift_block(user):
        raise Missing(f"{user} is not blocked in {stack.prefix}; see `blocked`")
    return CommandResult({"userId": user}, [f"unblocked: {user}; tokens that were not revoked connect again"])


def run_blocked(stack: Stack, _arguments: Namespace, terminal: Terminal) -> CommandResult:
    """List the blocks in force, the oldest first."""
    with terminal.show_progress("reading"):
        blocks = list(stack.revocations.blocks())
    data = {"blocked": [{"userId": item.user_id, "blockedAt": item.revoked_at} for item in blocks]}
    rows = ([item.user_id, format_time(item.revoked_at)] for item in blocks)
    return CommandResult(
        data, [build_table(("user", "blocked at"), rows)] if blocks else ["nobody is blocked"]
    )
