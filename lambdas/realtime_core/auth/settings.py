"""Settings of the functions that verify tokens; other functions do not load this module."""

from __future__ import annotations

from realtime_core.auth.tokens import LEEWAY_SECONDS, SUPPORTED_ALGORITHMS, TokenRules
from realtime_core.settings import secure_url, text, whole, words


class TokenSettings:
    """The settings of a function that verifies tokens."""

    jwt_secret_arn: str | None = text(default=None)
    """The ARN of the secret with the signing keys; required for HS256."""
    jwt_jwks_url: str | None = secure_url(default=None)
    """The URL of the issuer's key set; required for RS256, ES256 and EdDSA."""
    jwt_algorithms: tuple[str, ...] = words(SUPPORTED_ALGORITHMS, default=("HS256",))
    jwt_issuer: str | None = text(default=None)
    jwt_audience: str | None = text(default=None)
    jwt_leeway_seconds: int = whole(default=LEEWAY_SECONDS, minimum=0, maximum=300)

    @property
    def token_rules(self) -> TokenRules:
        """The rules by which this deployment accepts tokens."""
        return TokenRules(self.jwt_algorithms, self.jwt_issuer, self.jwt_audience, self.jwt_leeway_seconds)
