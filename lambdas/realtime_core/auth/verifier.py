"""Verifies tokens by the keys that a function's settings name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from realtime_core.auth.jws import parse_token
from realtime_core.auth.secrets_manager import SecretsManagerKeys
from realtime_core.auth.tokens import SHARED_SECRET_ALGORITHM, Identity, TokenRules, verify
from realtime_core.aws.client import client
from realtime_core.errors import SettingsInvalid, TokenRefused

if TYPE_CHECKING:
    from realtime_core.auth.base import IssuerKeys, Secrets
    from realtime_core.auth.settings import TokenSettings


class TokenVerifier:
    """Verifies tokens by shared secrets, by an issuer's public keys, or by either.

    Raises SettingsInvalid where the rules accept an algorithm that there are no keys for.
    """

    def __init__(self, rules: TokenRules, secrets: Secrets | None, issuer_keys: IssuerKeys | None) -> None:
        if SHARED_SECRET_ALGORITHM in rules.algorithms and secrets is None:
            raise SettingsInvalid(f"{SHARED_SECRET_ALGORITHM} needs a secret: set JWT_SECRET_ARN")
        if set(rules.algorithms) - {SHARED_SECRET_ALGORITHM} and issuer_keys is None:
            raise SettingsInvalid("RS256, ES256 and EdDSA need the issuer's key set: set JWT_JWKS_URL")
        self._rules = rules
        self._secrets = secrets
        self._issuer_keys = issuer_keys

    def identify(self, token: str, now: float) -> Identity:
        """The identity of a good token. Raises TokenRefused, or StoreUnavailable where there are no keys.

        Only keys of the algorithm's own kind are even fetched: a secret never verifies a token that claims a
        public key, nor the other way round.
        """
        told = parse_token(token)
        if told.algorithm not in self._rules.algorithms:
            raise TokenRefused(401, "algorithm")
        if told.algorithm == SHARED_SECRET_ALGORITHM:
            assert self._secrets is not None, "checked at the start"  # noqa: S101
            return verify(token, self._secrets.signing_keys(now), self._rules, now)
        assert self._issuer_keys is not None, "checked at the start"  # noqa: S101
        keys = self._issuer_keys.public_keys(told.key_id, told.algorithm, now)
        return verify(token, keys, self._rules, now)

    def fetch_keys(self, now: float) -> None:
        """Fetch the keys ahead of the first token. Raises StoreUnavailable if they cannot be had."""
        if self._secrets is not None:
            self._secrets.signing_keys(now)
        for algorithm in self._rules.algorithms:
            if algorithm != SHARED_SECRET_ALGORITHM and self._issuer_keys is not None:
                self._issuer_keys.public_keys(None, algorithm, now)


def token_verifier(settings: TokenSettings) -> TokenVerifier:
    """Make the verifier. Raises SettingsInvalid where an accepted algorithm has no source of keys."""
    secrets = (
        SecretsManagerKeys(client("secretsmanager"), settings.jwt_secret_arn)
        if settings.jwt_secret_arn
        else None
    )
    return TokenVerifier(settings.token_rules, secrets, _issuer_keys(settings.jwt_jwks_url))


def _issuer_keys(url: str | None) -> IssuerKeys | None:
    if url is None:
        return None
    # Loaded only where it is configured: cryptography triples the cold start.
    from realtime_core.auth.jwks import JwksKeys  # noqa: PLC0415

    return JwksKeys(url)
