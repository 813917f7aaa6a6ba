"""`revoke USER`: take back tokens before they run out, all of a user's or one."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

from deals_ops.argument_types import user_id
from deals_ops.commands.connections import scanned
from deals_ops.commands.kick import close, remembered
from deals_ops.errors import Missing, WrongArgument
from deals_ops.terminal import Answer, Screen
from realtime_core.domain.revocations import Revocation
from realtime_core.domain.tokens import TOKEN_ID_CHARS_MAX

if TYPE_CHECKING:
    from deals_ops.main import Registrar
    from deals_ops.stack import Stack


def register(to: Registrar) -> None:
    """Add the command."""
    command = to.command(
        "revoke", "refuse tokens from now on: every one that a user was issued until now, or one by its id"
    )
    command.add_argument("user", type=user_id, nargs="?", metavar="USER", help="`sub` of the tokens")
    command.add_argument(
        "--token-id",
        type=_token_id,
        help="`jti` of the one token; without USER, whoever is connected by it is looked for",
    )
    command.add_argument(
        "--kick", action="store_true", help="close their connections now; else the janitor does in a minute"
    )
    command.set_defaults(run=run)


def run(stack: Stack, arguments: argparse.Namespace, screen: Screen) -> Answer:
    """Write the revocation, and close at once what it covers where that was asked for."""
    token_id = arguments.token_id
    if arguments.user is None and token_id is None:
        raise WrongArgument("revoke what? Name a USER, or a token by --token-id")
    user = arguments.user or _owner(stack, token_id, screen)
    what = f"token {token_id}" if token_id else "every token issued until now"
    screen.confirm(f"Revoke {what} of {user} in {stack.prefix}? It cannot be taken back.")
    now = int(time.time())
    revocation = Revocation(user, now, now, token_id)
    stack.revocations.revoke(revocation)
    closed: list[str] = []
    if arguments.kick:
        records = [stack.connections.get(one.connection_id) for one in stack.connections.of_user(user)]
        covered = [
            one.connection_id
            for one in records
            if one is not None and revocation.covers(one.user_id, one.token_id, one.issued_at)
        ]
        closed, gone = close(stack, covered, screen)
        remembered(stack, gone)
    data = {"userId": user, "tokenId": token_id, "before": now, "closed": closed}
    then = f"closed {len(closed)} connection(s)" if arguments.kick else "the janitor closes what is connected"
    return Answer(data, [f"revoked: {what} of {user}; {then}"])


def _owner(stack: Stack, token_id: str, screen: Screen) -> str:
    """Whose token it is, by who is connected with it. Raises Missing."""
    with screen.progress("looking for whoever is connected by the token"):
        for record in scanned(stack):
            if record.token_id == token_id:
                return record.user_id
    raise Missing(
        f"nobody is connected by token {token_id}; name whose it is: revoke USER --token-id {token_id}"
    )


def _token_id(text: str) -> str:
    if 0 < len(text) <= TOKEN_ID_CHARS_MAX:
        return text
    raise argparse.ArgumentTypeError(f"a token id (jti) has 1 to {TOKEN_ID_CHARS_MAX} characters")
