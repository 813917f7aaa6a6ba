"""Issue a token to try the service with, signed by the shared secret (HS256).

    python -m deals_ops.token_cli ann                         # the secret in JWT_SECRET
    python -m deals_ops.token_cli ann --secret-file -         # the secret on standard input
    python -m deals_ops.token_cli ann --seconds 600 --claims '{"jti": "t-1"}'

The secret is as it is stored: bare, or JSON with `current` and `previous`, of which `current` signs. It is
never taken from the command line, which every process of a machine can read. Real tokens are the business of
whoever knows the users.
"""

from __future__ import annotations

import argparse
import base64
import hmac
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from realtime_core.domain.fields import IDENTIFIER
from realtime_core.domain.jws import SECRET_BYTES_MIN
from realtime_core.domain.tokens import REQUIRED_SCOPE
from realtime_core.errors import SettingsInvalid

TOKEN_SECONDS = 3600
STANDARD_INPUT = "-"


def issue(user_id: str, secret: str, now: float, seconds: int = TOKEN_SECONDS, **claims: Any) -> str:
    """A token of a user, good for `seconds`; `claims` replace or add to the usual ones."""
    issued = int(now)
    usual = {"sub": user_id, "iat": issued, "exp": issued + seconds, "scope": REQUIRED_SCOPE}
    signed = f"{_segment({'alg': 'HS256', 'typ': 'JWT'})}.{_segment({**usual, **claims})}"
    return f"{signed}.{_base64url(hmac.digest(secret.encode(), signed.encode(), 'sha256'))}"


def signing_secret(environ: Mapping[str, str], secret_file: str | None) -> str:
    """The secret that signs. Raises SettingsInvalid where there is none, or one that the service refuses."""
    if secret_file == STANDARD_INPUT:
        text, source = sys.stdin.read(), "standard input"
    elif secret_file is not None:
        text, source = _read(secret_file), secret_file
    else:
        text, source = environ.get("JWT_SECRET", ""), "JWT_SECRET"
    text = text.strip()
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    current = value.get("current") if isinstance(value, dict) else text
    if not current:
        raise SettingsInvalid(
            f"{source} holds no secret; set JWT_SECRET, or name a file by --secret-file (- is standard input)"
        )
    if not isinstance(current, str) or len(current.encode()) < SECRET_BYTES_MIN:
        raise SettingsInvalid(
            f"{source}: HS256 needs a secret of at least {SECRET_BYTES_MIN} bytes, as the service asks for"
        )
    return current


def main(argv: Sequence[str] | None = None) -> int:
    """Print a token; 1 with the reason on standard error where that cannot be."""
    arguments = _parser().parse_args(argv)
    try:
        secret = signing_secret(os.environ, arguments.secret_file)
    except SettingsInvalid as error:
        sys.stderr.write(f"tokens: {error}\n")
        return 1
    token = issue(arguments.user_id, secret, time.time(), arguments.seconds, **arguments.claims)
    sys.stdout.write(token + "\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deals_ops.token_cli", description="Issue a token.")
    parser.add_argument("user_id", type=_user_id, help="`sub` of the token")
    parser.add_argument("--seconds", type=int, default=TOKEN_SECONDS, help="how long it is good for (3600)")
    parser.add_argument(
        "--claims", type=_claims, default={}, metavar="JSON", help="more claims, as an object"
    )
    parser.add_argument("--secret-file", metavar="FILE", help="where the secret is, - for standard input")
    return parser


def _user_id(text: str) -> str:
    if IDENTIFIER.fullmatch(text):
        return text
    raise argparse.ArgumentTypeError("a user id is 1 to 128 letters, digits and . _ : @ | -")


def _claims(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"this is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError('claims are a JSON object, such as {"jti": "t-1"}')
    return value


def _read(path: str) -> str:
    try:
        return Path(path).read_text("utf-8")
    except OSError as error:
        raise SettingsInvalid(
            f"{path} cannot be read: {error.strerror}; or set JWT_SECRET instead"
        ) from error


def _segment(value: Any) -> str:
    return _base64url(json.dumps(value, separators=(",", ":")).encode())


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


if __name__ == "__main__":
    sys.exit(main())
