"""The verifier of a function, as its settings want it: with the keys that are asked for, and no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from realtime_core.adapters.aws import client
from realtime_core.adapters.secrets_manager import SecretsManagerKeys
from realtime_core.verifying import TokenVerifier

if TYPE_CHECKING:
    from realtime_core.ports import IssuerKeys
    from realtime_core.token_settings import TokenSettings


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
    from realtime_core.adapters.jwks import JwksKeys  # noqa: PLC0415

    return JwksKeys(url)
