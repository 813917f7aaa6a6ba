"""Settings of the functions that verify tokens; other functions do not load this module."""

from __future__ import annotations

from typing import Any

from realtime_core.auth.tokens import (
    LEEWAY_SECONDS,
    REQUIRED_SCOPE,
    STANDARD_CLAIMS,
    SUPPORTED_ALGORITHMS,
    ClaimNames,
    TokenRules,
)
from realtime_core.settings import secure_url, text, whole, words


def _claim(default: str) -> Any:
    """Declare the name of a claim. A URL is one too: issuers have claims of their own in a namespace."""
    return text(default=default, pattern="[!-~]{1,256}", expected="the name of a claim")


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
    jwt_scope: str = text(default=REQUIRED_SCOPE, pattern="[!-~]{1,256}", expected="a word of a scope")
    """The word that a token's scope must contain."""
    jwt_claim_user_id: str = _claim(STANDARD_CLAIMS.user_id)
    jwt_claim_scope: str = _claim(STANDARD_CLAIMS.scope)
    jwt_claim_audience: str = _claim(STANDARD_CLAIMS.audience)
    jwt_claim_topics: str = _claim(STANDARD_CLAIMS.topics)
    jwt_claim_recipients: str = _claim(STANDARD_CLAIMS.recipients)

    @property
    def token_rules(self) -> TokenRules:
        """The rules by which this deployment accepts tokens."""
        return TokenRules(
            self.jwt_algorithms,
            self.jwt_issuer,
            self.jwt_audience,
            self.jwt_leeway_seconds,
            scope=self.jwt_scope,
            claims=ClaimNames(
                self.jwt_claim_user_id,
                self.jwt_claim_scope,
                self.jwt_claim_audience,
                self.jwt_claim_topics,
                self.jwt_claim_recipients,
            ),
        )
