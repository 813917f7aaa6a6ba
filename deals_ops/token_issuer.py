"""The token that `tail` connects with: the operator's own, or one signed by the stack's secret.

A token on the command line would be in every process list, so it comes from DEALS_TOKEN or a file.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from deals_ops.argument_types import STANDARD_INPUT
from deals_ops.errors import WrongArgument
from deals_ops.token_cli import TOKEN_SECONDS, issue, signing_secret
from realtime_core.domain.tokens import SHARED_SECRET_ALGORITHM
from realtime_core.errors import SettingsInvalid

if TYPE_CHECKING:
    from deals_ops.stack import Stack

VARIABLE = "DEALS_TOKEN"


def given_token(token_file: str | None) -> str | None:
    """The token that the operator brought, or None. Raises WrongArgument where its file cannot be read."""
    if token_file == STANDARD_INPUT:
        return sys.stdin.read().strip()
    if token_file is None:
        return os.environ.get(VARIABLE, "").strip() or None
    try:
        return Path(token_file).read_text("utf-8").strip()
    except OSError as error:
        raise WrongArgument(f"--token-file: {token_file} cannot be read: {error.strerror}") from error


class Signer:
    """Signs tokens as the stack's issuer does. Takes secretsmanager:GetSecretValue on its secret."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._secret: str | None = None

    def token(self, user_id: str, now: float | None = None, seconds: int = TOKEN_SECONDS) -> str:
        """A token of a user. Raises WrongArgument where the stack takes only its issuer's own."""
        if self._secret is None:
            self._secret = self._read()
        claims = {
            claim: value
            for claim, variable in (("iss", "JWT_ISSUER"), ("aud", "JWT_AUDIENCE"))
            if (value := self._stack.setting("authorizer", variable))
        }
        return issue(user_id, self._secret, time.time() if now is None else now, seconds, **claims)

    def _read(self) -> str:
        algorithms = self._stack.setting("authorizer", "JWT_ALGORITHMS") or SHARED_SECRET_ALGORITHM
        arn = self._stack.setting("authorizer", "JWT_SECRET_ARN")
        if arn is None or SHARED_SECRET_ALGORITHM not in algorithms.split(","):
            raise WrongArgument(
                f"{self._stack.prefix} takes only tokens of its issuer ({algorithms}), which nobody else can "
                f"sign: put one into {VARIABLE} or --token-file"
            )
        stored = self._stack.aws.client("secretsmanager").get_secret_value(SecretId=arn)
        try:
            return signing_secret({"JWT_SECRET": stored["SecretString"]}, None)
        except SettingsInvalid as error:
            raise WrongArgument(f"the secret {arn} does not hold what signs: {error}") from error
