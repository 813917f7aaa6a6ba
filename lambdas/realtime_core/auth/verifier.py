"""Token verification with the keys that a function's settings name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from realtime_core.auth.jws import parse_token
from realtime_core.auth.secrets_manager import SecretsManagerSigningSecrets
from realtime_core.auth.tokens import SHARED_SECRET_ALGORITHM, Identity, TokenRules, verify
from realtime_core.aws.client import client
from realtime_core.errors import SettingsInvalid, TokenRefused

if TYPE_CHECKING:
    from realtime_core.auth.base import IssuerKeys, SigningSecrets
    from realtime_core.auth.settings import TokenSettings


class TokenVerifier:
    """Verifies tokens with shared secrets, with an issuer's public keys, or with both.

    Raises SettingsInvalid if the rules accept an algorithm without a source of keys.
    """

    def __init__(
        self, rules: TokenRules, secrets: SigningSecrets | None, issuer_keys: IssuerKeys | None
    ) -> None:
        if SHARED_SECRET_ALGORITHM in rules.algorithms and secrets is None:
            raise SettingsInvalid(f"{SHARED_SECRET_ALGORITHM} needs a secret: set JWT_SECRET_ARN")
        if set(rules.algorithms) - {SHARED_SECRET_ALGORITHM} and issuer_keys is None:
            raise SettingsInvalid("RS256, ES256 and EdDSA need the issuer's key set: set JWT_JWKS_URL")
        self._rules = rules
        self._secrets = secrets
        self._issuer_keys = issuer_keys

    def identify(self, token: str, now: float) -> Identity:
        """The identity of a valid token. Raises TokenRefused, or StoreUnavailable if there are no keys.

        Only keys for the token's algorithm are fetched: a secret never verifies a token that names a public
        key algorithm, and a public key never verifies an HS256 token.
        """
        signed_token = parse_token(token)
        if signed_token.algorithm not in self._rules.algorithms:
            raise TokenRefused(401, "algorithm")
        if signed_token.algorithm == SHARED_SECRET_ALGORITHM:
            assert self._secrets is not None, "checked by the constructor"  # noqa: S101
            return verify(token, self._secrets.signing_keys(now), self._rules, now)
        assert self._issuer_keys is not None, "checked by the constructor"  # noqa: S101
        keys = self._issuer_keys.public_keys(signed_token.key_id, signed_token.algorithm, now)
        return verify(token, keys, self._rules, now)

    def for_scope(self, scope: str) -> TokenVerifier:
        """The same with another scope, on the same keys."""
        return TokenVerifier(self._rules.with_scope(scope), self._secrets, self._issuer_keys)

    def fetch_keys(self, now: float) -> None:
        """Fetch the keys ahead of the first token. Raises StoreUnavailable if they cannot be had."""
        if self._secrets is not None:
            self._secrets.signing_keys(now)
        for algorithm in self._rules.algorithms:
            if algorithm != SHARED_SECRET_ALGORITHM and self._issuer_keys is not None:
                self._issuer_keys.public_keys(None, algorithm, now)


def token_verifier(settings: TokenSettings) -> TokenVerifier:
    """The verifier for the settings. Raises SettingsInvalid if an algorithm has no source of keys."""
    secrets = (
        SecretsManagerSigningSecrets(client("secretsmanager"), settings.jwt_secret_arn)
        if settings.jwt_secret_arn
        else None
    )
    return TokenVerifier(settings.token_rules, secrets, _issuer_keys(settings.jwt_jwks_url))


def _issuer_keys(url: str | None) -> IssuerKeys | None:
    if url is None:
        return None
    # Imported only if it is configured: cryptography triples the cold start.
    from realtime_core.auth.jwks import JwksKeys  # noqa: PLC0415

    return JwksKeys(url)
