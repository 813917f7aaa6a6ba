"""`notify USER…`: a notification into each inbox, pushed to whoever is connected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deals_ops.argument_types import user_id
from deals_ops.commands.publish import add_event_options, published
from deals_ops.terminal import Answer, Screen

if TYPE_CHECKING:
    from argparse import Namespace

    from deals_ops.main import Registrar
    from deals_ops.stack import Stack


def register(to: Registrar) -> None:
    """Add the command."""
    command = to.command("notify", "store a notification for users, and push it to those connected")
    command.add_argument("users", type=user_id, nargs="+", metavar="USER", help="up to 1,000 of them")
    add_event_options(command, message_type="notification")
    command.set_defaults(run=run)


def run(stack: Stack, arguments: Namespace, _screen: Screen) -> Answer:
    """Publish with recipients instead of a topic."""
    event = {"messageType": arguments.type, "recipients": arguments.users, "data": arguments.data}
    return published(stack, event, arguments.event_id)
