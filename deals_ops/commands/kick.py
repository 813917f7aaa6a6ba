"""`kick USER|CONNECTION`: close connections now. Whoever has a good token may come back: see `revoke`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from deals_ops.argument_types import is_connection, user_or_connection
from deals_ops.errors import Missing
from deals_ops.terminal import Answer, Screen
from realtime_core.pushing import remove_connections

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from deals_ops.main import Registrar
    from deals_ops.stack import Stack


def register(to: Registrar) -> None:
    """Add the command."""
    command = to.command("kick", "close a connection, or all of a user's; they may reconnect (see revoke)")
    command.add_argument("target", type=user_or_connection, metavar="USER|CONNECTION", help="whom")
    command.set_defaults(run=run)


def run(stack: Stack, arguments: Namespace, screen: Screen) -> Answer:
    """Close what is found of a user, or the connection named."""
    target = arguments.target
    found = (
        [target]
        if is_connection(target)
        else [one.connection_id for one in stack.connections.of_user(target)]
    )
    if not found:
        raise Missing(f"{target} has no connection in {stack.prefix}")
    screen.confirm(f"Close {len(found)} connection(s) of {stack.prefix}: {', '.join(found[:5])}?")
    closed, gone = close(stack, found, screen)
    if is_connection(target) and not closed and not remembered(stack, gone):
        raise Missing(f"there is no connection {target}: it has ended, or is of another stack")
    if not is_connection(target):
        remembered(stack, gone)
    data = {"closed": closed, "gone": gone}
    shown = [f"closed: {one}" for one in closed] + [f"gone already, record removed: {one}" for one in gone]
    return Answer(data, shown)


def close(stack: Stack, found: Sequence[str], screen: Screen) -> tuple[list[str], list[str]]:
    """Close connections; those that were closed, and those that had ended before."""
    closed: list[str] = []
    gone: list[str] = []
    with screen.progress("closing", len(found)) as advance:
        for one in found:
            try:
                stack.gateway.delete_connection(ConnectionId=one)
                closed.append(one)
            except ClientError as error:
                if error.response["Error"]["Code"] != "GoneException":
                    raise
                gone.append(one)
            advance(1)
    return closed, gone


def remembered(stack: Stack, gone: Sequence[str]) -> int:
    """Remove the records of connections whose `$disconnect` was lost; how many there were."""
    return remove_connections(gone, stack.connections, stack.subscriptions) if gone else 0
