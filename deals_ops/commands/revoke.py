"""`revoke USER`: revoke tokens before they expire, all of a user's or one."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

from deals_ops.argument_types import parse_user_id
from deals_ops.commands.connections import list_of_user, scan_connections
from deals_ops.commands.kick import close_connections, find_opening, remove_records
from deals_ops.errors import Missing, WrongArgument
from deals_ops.terminal import CommandResult, Terminal
from realtime_core.auth.base import Revocation
from realtime_core.auth.tokens import TOKEN_ID_CHARS_MAX

if TYPE_CHECKING:
    from deals_ops.command_parsers import CommandParsers
    from deals_ops.stack import Stack


def add_commands(parsers: CommandParsers) -> None:
    """Add the command."""
    command = parsers.add_command(
        "revoke", "refuse all tokens that a user was issued until now, or one token by its id"
    )
    command.add_argument("user", type=parse_user_id, nargs="?", metavar="USER", help="`sub` of the tokens")
    command.add_argument(
        "--token-id",
        type=_parse_token_id,
        help="`jti` of the one token; without USER, its user is found by an open connection",
    )
    command.add_argument(
        "--kick",
        action="store_true",
        help="close the connections now; otherwise the janitor does it within a minute",
    )
    command.set_defaults(run=run)


def run(stack: Stack, arguments: argparse.Namespace, terminal: Terminal) -> CommandResult:
    """Store the revocation, and with `--kick` close the connections that it covers."""
    token_id = arguments.token_id
    if arguments.user is None and token_id is None:
        raise WrongArgument("nothing to revoke: name a USER, or a token with --token-id")
    user = arguments.user or _find_user(stack, token_id, terminal)

    what = f"token {token_id}" if token_id else "every token issued until now"
    terminal.confirm(f"Revoke {what} of {user} in {stack.prefix}? This cannot be undone.")
    now = int(time.time())
    # By its issuer's clock, which may be ahead by the leeway, a token of just now is issued later.
    before = now + (int(stack.get_setting("authorizer", "JWT_LEEWAY_SECONDS")) if token_id is None else 0)
    revocation = Revocation(user, before, now, token_id)
    stack.revocations.revoke(revocation)

    closed: list[str] = []
    if arguments.kick:
        covered = [
            record.connection_id
            for record in list_of_user(stack, user)
            if revocation.covers(record.user_id, record.token_id, record.issued_at)
        ]
        closed, gone = close_connections(stack, covered, "revoked", terminal)
        # The janitor closes what has not opened yet.
        opening = find_opening(stack, gone)
        remove_records(stack, [connection_id for connection_id in gone if connection_id not in opening])

    data = {"userId": user, "tokenId": token_id, "before": before, "closed": closed}
    effect = f"closed {len(closed)} connection(s)" if arguments.kick else "the janitor closes its connections"
    return CommandResult(data, [f"revoked: {what} of {user}; {effect}"])


def _find_user(stack: Stack, token_id: str, terminal: Terminal) -> str:
    """Return the user of a token by a connection that was opened with it. Raises Missing."""
    with terminal.show_progress("searching for a connection that uses the token"):
        for record in scan_connections(stack):
            if record.token_id == token_id:
                return record.user_id
    raise Missing(f"no connection uses token {token_id}; name its user: revoke USER --token-id {token_id}")


def _parse_token_id(text: str) -> str:
    if 0 < len(text) <= TOKEN_ID_CHARS_MAX:
        return text
    raise argparse.ArgumentTypeError(f"a token id (jti) has 1 to {TOKEN_ID_CHARS_MAX} characters")
