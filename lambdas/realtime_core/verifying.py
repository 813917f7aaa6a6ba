"""Who a token names: the rules of `domain.tokens`, with the keys that the token's algorithm asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from realtime_core.domain.jws import parse_token
from realtime_core.domain.tokens import SHARED_SECRET_ALGORITHM, Identity, TokenRules, verify
from realtime_core.errors import SettingsInvalid, TokenRefused

if TYPE_CHECKING:
    from realtime_core.ports import IssuerKeys, Secrets


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
