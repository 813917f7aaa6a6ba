"""`token USER`: a token that the stack accepts, signed by its secret, to try things with."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from deals_ops.argument_types import user_id, whole
from deals_ops.terminal import Answer, Screen
from deals_ops.token_cli import TOKEN_SECONDS
from deals_ops.token_issuer import Signer

if TYPE_CHECKING:
    from argparse import Namespace

    from deals_ops.main import Registrar
    from deals_ops.stack import Stack


def register(to: Registrar) -> None:
    """Add the command."""
    command = to.command("token", "sign a token of a user, where you may read the stack's secret")
    command.add_argument("user", type=user_id, metavar="USER", help="its `sub`")
    command.add_argument(
        "--seconds",
        type=whole(1, 86_400),
        default=TOKEN_SECONDS,
        help=f"how long it is good for ({TOKEN_SECONDS})",
    )
    command.set_defaults(run=run)


def run(stack: Stack, arguments: Namespace, _screen: Screen) -> Answer:
    """Sign a token with the claims that the stack asks for."""
    now = int(time.time())
    token = Signer(stack).token(arguments.user, now, arguments.seconds)
    return Answer({"token": token, "expiresAt": now + arguments.seconds}, [token])
