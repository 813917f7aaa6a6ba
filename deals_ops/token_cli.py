"""`make token`: print a token that is signed by a secret at hand; it needs no stack and no AWS.

    python -m deals_ops.token_cli ann                         # the secret in JWT_SECRET
    python -m deals_ops.token_cli ann --secret-file -         # the secret on standard input
    python -m deals_ops.token_cli ann --topics 'books.*,private.team-42' --recipients ben
    python -m deals_ops.token_cli ann --seconds 600 --claims '{"jti": "t-1"}'

The secret is never an argument, which every process of the machine could read. `python -m deals_ops token`
signs with the secret of a deployed stack instead.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deals_ops.argument_types import STANDARD_INPUT, parse_user_id
from deals_ops.permission_options import add_permission_options, read_permission_claims
from deals_ops.token_issuer import TOKEN_SECONDS, issue_token, parse_signing_secret
from realtime_core.errors import SettingsInvalid

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Print a token and return 0, or print the reason to standard error and return 1."""
    arguments = _build_parser().parse_args(argv)
    try:
        secret = _read_secret(arguments.secret_file)
    except SettingsInvalid as error:
        remedy = "set JWT_SECRET, or name a file with --secret-file (- is standard input)"
        sys.stderr.write(f"error: {error}; {remedy}\n")
        return 1

    now = int(time.time())
    claims = {"exp": now + arguments.seconds, **read_permission_claims(arguments), **arguments.claims}
    token = issue_token(arguments.user_id, secret, now, **claims)
    printed = json.dumps({"token": token, "expiresAt": claims["exp"]}) if arguments.json else token
    sys.stdout.write(printed + "\n")
    return 0


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m deals_ops.token_cli", description="Print a token that the service accepts."
    )
    parser.add_argument("user_id", type=parse_user_id, help="`sub` of the token")
    parser.add_argument(
        "--seconds", type=int, default=TOKEN_SECONDS, help=f"how long it is valid ({TOKEN_SECONDS})"
    )
    add_permission_options(parser)
    parser.add_argument(
        "--claims", type=_parse_claims, default={}, metavar="JSON", help="further claims, as a JSON object"
    )
    parser.add_argument(
        "--secret-file", metavar="FILE", help="file with the secret, - for standard input (JWT_SECRET)"
    )
    parser.add_argument("--json", action="store_true", help="print a line of JSON, as `deals-ops token` does")
    return parser


def _read_secret(path: str | None) -> str:
    """Read the secret from a file, standard input or JWT_SECRET. Raises SettingsInvalid."""
    if path is None:
        return parse_signing_secret(os.environ.get("JWT_SECRET", ""), "JWT_SECRET")
    if path == STANDARD_INPUT:
        return parse_signing_secret(sys.stdin.read(), "standard input")
    try:
        text = Path(path).read_text("utf-8")
    except OSError as error:
        raise SettingsInvalid(f"{path} cannot be read: {error.strerror}") from error
    return parse_signing_secret(text, path)


def _parse_claims(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"this is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError('claims are a JSON object, such as {"jti": "t-1"}')
    return value


if __name__ == "__main__":
    sys.exit(main())
