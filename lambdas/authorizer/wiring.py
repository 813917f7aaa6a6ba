"""Builds the authorizer on the adapters that its settings name."""

import time
from collections.abc import Mapping
from typing import NamedTuple

from authorizer.settings import Settings
from authorizer.token_authorizer import TokenAuthorizer
from realtime_core.auth.dynamodb import DynamoRevocations
from realtime_core.auth.verifier import token_verifier
from realtime_core.aws.client import client, connect_ahead
from realtime_core.initialization import warm_up
from realtime_core.settings import read


class Authorizers(NamedTuple):
    """Who decides about what."""

    connecting: TokenAuthorizer
    publishing: TokenAuthorizer
    leeway_seconds: int
    """How long after its expiry a token is still good."""


def build(environ: Mapping[str, str]) -> Authorizers:
    """Build them, connected to what a handshake needs. Raises SettingsInvalid."""
    settings = read(Settings, environ)
    dynamodb = client("dynamodb")
    verifier = token_verifier(settings)

    warm_up(lambda: connect_ahead(dynamodb), lambda: verifier.fetch_keys(time.time()))

    revocations = DynamoRevocations(dynamodb, settings.revocations_table)
    return Authorizers(
        TokenAuthorizer(verifier, revocations),
        TokenAuthorizer(verifier.for_scope(settings.jwt_publish_scope), revocations),
        settings.jwt_leeway_seconds,
    )
