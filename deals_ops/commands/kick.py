"""`kick USER|CONNECTION`: close connections now. A user with a valid token may reconnect: see `revoke`."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from deals_ops.argument_types import is_connection_id, parse_user_or_connection_id
from deals_ops.errors import DONE, PARTLY, Missing
from deals_ops.terminal import CommandResult, Terminal
from realtime_core.connections.base import may_be_opening
from realtime_core.push.removal import remove_connections
from realtime_core.wire.closing import closing_frame

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from deals_ops.command_parsers import CommandParsers
    from deals_ops.stack import Stack
    from realtime_core.wire.closing import ClosingReason


def add_commands(parsers: CommandParsers) -> None:
    """Add the command."""
    command = parsers.add_command(
        "kick", "close a connection, or all of a user's; they may reconnect (see revoke)"
    )
    command.add_argument(
        "target",
        type=parse_user_or_connection_id,
        metavar="USER|CONNECTION",
        help="a user's id, or a connection's, which ends in =",
    )
    command.set_defaults(run=run)


def run(stack: Stack, arguments: Namespace, terminal: Terminal) -> CommandResult:
    """Close the connection, or all connections of the user. Raises Missing if there is none."""
    target, is_one = arguments.target, is_connection_id(arguments.target)
    connection_ids = [target] if is_one else [row.connection_id for row in stack.connections.of_user(target)]
    if not connection_ids:
        raise Missing(f"{target} has no connection in {stack.prefix}")

    examples = ", ".join(connection_ids[:5])
    terminal.confirm(f"Close {len(connection_ids)} connection(s) of {stack.prefix}: {examples}?")
    closed, gone = close_connections(stack, connection_ids, "kicked", terminal)
    opening = find_opening(stack, gone)
    gone = [connection_id for connection_id in gone if connection_id not in opening]
    removed = remove_records(stack, gone)
    if is_one and not closed and not removed and not opening:
        raise Missing(f"there is no connection {target}: it has ended, or belongs to another stack")

    display = [f"closed: {connection_id}" for connection_id in closed]
    display += [f"already gone, record removed: {connection_id}" for connection_id in gone]
    display += [f"still connecting, try again in half a minute: {connection_id}" for connection_id in opening]
    data = {"closed": closed, "gone": gone, "connecting": opening}
    return CommandResult(data, display, PARTLY if opening else DONE)


def close_connections(
    stack: Stack, connection_ids: Sequence[str], reason: ClosingReason, terminal: Terminal
) -> tuple[list[str], list[str]]:
    """Close connections, each after a `closing` frame with the reason, as far as that can still be sent.

    Returns the ids of those that were closed, and of those that were already gone.
    """
    last_frame = closing_frame(reason, int(time.time())).encode()
    closed: list[str] = []
    gone: list[str] = []
    with terminal.show_progress("closing", len(connection_ids)) as advance:
        for connection_id in connection_ids:
            with suppress(ClientError):  # what matters is that it closes
                stack.gateway.post_to_connection(ConnectionId=connection_id, Data=last_frame)
            try:
                stack.gateway.delete_connection(ConnectionId=connection_id)
                closed.append(connection_id)
            except ClientError as error:
                if error.response["Error"]["Code"] != "GoneException":
                    raise
                gone.append(connection_id)
            advance(1)
    return closed, gone


def find_opening(stack: Stack, connection_ids: Sequence[str]) -> list[str]:
    """Return which of these connections that are gone may not have opened yet: their records must stay."""
    now = int(time.time())
    records = [stack.connections.get(connection_id) for connection_id in connection_ids]
    return [record.connection_id for record in records if record and may_be_opening(record, now)]


def remove_records(stack: Stack, connection_ids: Sequence[str]) -> int:
    """Remove the records of connections whose `$disconnect` was lost; returns how many existed."""
    if not connection_ids:
        return 0
    return remove_connections(connection_ids, stack.connections, stack.subscriptions)
