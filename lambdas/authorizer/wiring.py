"""Builds the authorizer on the adapters that its settings name."""

from __future__ import annotations

import time
from collections.abc import Mapping

from authorizer.connect_authorizer import ConnectAuthorizer
from authorizer.settings import Settings
from realtime_core.auth.dynamodb import DynamoRevocations
from realtime_core.auth.verifier import token_verifier
from realtime_core.aws.client import client, connect_ahead
from realtime_core.initialization import warm_up
from realtime_core.settings import read


def build(environ: Mapping[str, str]) -> ConnectAuthorizer:
    """Build it, connected to what a handshake needs. Raises SettingsInvalid."""
    settings = read(Settings, environ)
    dynamodb = client("dynamodb")
    verifier = token_verifier(settings)

    warm_up(lambda: connect_ahead(dynamodb), lambda: verifier.fetch_keys(time.time()))

    return ConnectAuthorizer(verifier, DynamoRevocations(dynamodb, settings.revocations_table))
