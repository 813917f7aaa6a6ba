"""`token USER`: print a token that the stack accepts, signed by its secret."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from deals_ops.argument_types import integer_between, parse_user_id
from deals_ops.permission_options import add_permission_options, read_permission_claims
from deals_ops.terminal import CommandResult, Terminal
from deals_ops.token_issuer import TOKEN_SECONDS, StackTokenIssuer

if TYPE_CHECKING:
    from argparse import Namespace

    from deals_ops.command_parsers import CommandParsers
    from deals_ops.stack import Stack


def add_commands(parsers: CommandParsers) -> None:
    """Add the command."""
    command = parsers.add_command("token", "sign a token for a user; requires access to the stack's secret")
    command.add_argument("user", type=parse_user_id, metavar="USER", help="`sub` of the token")
    command.add_argument(
        "--seconds",
        type=integer_between(1, 86_400),
        default=TOKEN_SECONDS,
        help=f"how long it is valid ({TOKEN_SECONDS})",
    )
    add_permission_options(command)
    command.set_defaults(run=run)


def run(stack: Stack, arguments: Namespace, _terminal: Terminal) -> CommandResult:
    """Sign a token with the claims that the stack requires."""
    now = int(time.time())
    issuer = StackTokenIssuer(stack)
    names = issuer.claim_names
    permissions = read_permission_claims(arguments, names.topics, names.recipients)
    token = issuer.issue(arguments.user, now, arguments.seconds, permissions)
    return CommandResult({"token": token, "expiresAt": now + arguments.seconds}, [token])
