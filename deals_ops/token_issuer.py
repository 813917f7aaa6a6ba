"""Issues tokens that the service accepts, signed by its shared secret (HS256).

They are for tests and for trying the service: in production an application issues tokens to its own users.
"""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from deals_ops.errors import WrongArgument
from realtime_core.auth.jws import SECRET_BYTES_MIN
from realtime_core.auth.tokens import (
    REQUIRED_SCOPE,
    SHARED_SECRET_ALGORITHM,
    STANDARD_CLAIMS,
    ClaimNames,
)
from realtime_core.errors import SettingsInvalid

if TYPE_CHECKING:
    from deals_ops.stack import Stack

_NONE: Mapping[str, Any] = MappingProxyType({})

TOKEN_SECONDS = 3600
TOKEN_VARIABLE = "DEALS_TOKEN"  # noqa: S105 - the name of a variable
"""Environment variable with the operator's own token. An argument would be visible in every process list."""


def issue_token(user_id: str, secret: str, now: float, seconds: int = TOKEN_SECONDS, **claims: Any) -> str:
    """Return a token of a user, valid for `seconds` from `now`; `claims` override or extend the usual."""
    issued_at = int(now)
    usual = {"sub": user_id, "iat": issued_at, "exp": issued_at + seconds, "scope": REQUIRED_SCOPE}
    header = {"alg": SHARED_SECRET_ALGORITHM, "typ": "JWT"}
    signed = f"{_encode_segment(header)}.{_encode_segment({**usual, **claims})}"
    return f"{signed}.{_encode_base64url(hmac.digest(secret.encode(), signed.encode(), 'sha256'))}"


def parse_signing_secret(text: str, source: str) -> str:
    """Return the signing secret of a stored one: bare, or `current` of JSON with `current` and `previous`.

    Raises SettingsInvalid, naming `source`, if there is none or the service would refuse it.
    """
    text = text.strip()
    try:
        stored = json.loads(text)
    except ValueError:
        stored = text

    secret = stored.get("current") if isinstance(stored, dict) else text
    if not secret:
        raise SettingsInvalid(f"{source} holds no secret")
    if not isinstance(secret, str) or len(secret.encode()) < SECRET_BYTES_MIN:
        raise SettingsInvalid(f"{source}: the service requires a secret of at least {SECRET_BYTES_MIN} bytes")
    return secret


class StackTokenIssuer:
    """Issues tokens for one stack. Requires secretsmanager:GetSecretValue on its signing secret."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._secret: str | None = None

    @property
    def claim_names(self) -> ClaimNames:
        """In which claims the stack looks for what it reads."""
        return ClaimNames(
            *(
                self._stack.find_setting("authorizer", f"JWT_CLAIM_{field.upper()}") or standard
                for field, standard in STANDARD_CLAIMS._asdict().items()
            )
        )

    def issue(
        self,
        user_id: str,
        now: float | None = None,
        seconds: int = TOKEN_SECONDS,
        claims: Mapping[str, Any] = _NONE,
    ) -> str:
        """Return a token of a user, with the claims that the stack requires and `claims`.

        Raises WrongArgument if the stack does not accept HS256 tokens.
        """
        if self._secret is None:
            self._secret = self._read_secret()

        names = self.claim_names
        required = {
            names.user_id: user_id,
            names.scope: self._stack.find_setting("authorizer", "JWT_SCOPE") or REQUIRED_SCOPE,
            "iss": self._stack.find_setting("authorizer", "JWT_ISSUER"),
            names.audience: self._stack.find_setting("authorizer", "JWT_AUDIENCE"),
        }
        present = {claim: value for claim, value in required.items() if value is not None}
        issued_at = time.time() if now is None else now
        return issue_token(user_id, self._secret, issued_at, seconds, **{**present, **claims})

    def _read_secret(self) -> str:
        algorithms = self._stack.find_setting("authorizer", "JWT_ALGORITHMS") or SHARED_SECRET_ALGORITHM
        arn = self._stack.find_setting("authorizer", "JWT_SECRET_ARN")
        if arn is None or SHARED_SECRET_ALGORITHM not in algorithms.split(","):
            raise WrongArgument(
                f"{self._stack.prefix} accepts only tokens that its issuer signs ({algorithms}): put one "
                f"into {TOKEN_VARIABLE} or --token-file"
            )

        stored = self._stack.aws.client("secretsmanager").get_secret_value(SecretId=arn)
        try:
            return parse_signing_secret(stored["SecretString"], arn)
        except SettingsInvalid as error:
            raise WrongArgument(f"the stored secret cannot sign tokens: {error}") from error


def _encode_segment(value: Any) -> str:
    return _encode_base64url(json.dumps(value, separators=(",", ":")).encode())


def _encode_base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
