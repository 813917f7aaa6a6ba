"""Builds the authorizer on the adapters that its settings name."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from authorizer.connect_authorizer import ConnectAuthorizer
from authorizer.connection_limit import ConnectionLimit
from authorizer.settings import Settings
from realtime_core.auth.dynamodb import DynamoRevocations
from realtime_core.auth.verifier import token_verifier
from realtime_core.aws.client import client, connect_ahead
from realtime_core.connections.dynamodb_counts import DynamoConnectionCounts
from realtime_core.initialization import warm_up
from realtime_core.settings import read

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

    from authorizer.room import Room


def build(environ: Mapping[str, str]) -> ConnectAuthorizer:
    """Build it, connected to what a handshake needs. Raises SettingsInvalid."""
    settings = read(Settings, environ)
    dynamodb = client("dynamodb")
    verifier = token_verifier(settings)

    warm_up(lambda: connect_ahead(dynamodb), lambda: verifier.fetch_keys(time.time()))

    return ConnectAuthorizer(
        verifier=verifier,
        revocations=DynamoRevocations(dynamodb, settings.revocations_table),
        limit=ConnectionLimit(
            DynamoConnectionCounts(dynamodb, settings.connections_table),
            settings.max_connections_per_user,
            lambda: _room(settings, dynamodb),
        ),
    )


def _room(settings: Settings, dynamodb: DynamoDBClient) -> Room:
    """Build what finds room for a user with the maximum: loaded by the few handshakes that need it."""
    from authorizer.room import Room  # noqa: PLC0415
    from realtime_core.connections.dynamodb import DynamoConnections  # noqa: PLC0415
    from realtime_core.push.management_api.client import ManagementApiClient  # noqa: PLC0415
    from realtime_core.subscriptions.dynamodb import DynamoSubscriptions  # noqa: PLC0415

    return Room(
        DynamoConnections(dynamodb, settings.connections_table),
        DynamoSubscriptions(dynamodb, settings.connections_table, settings.subscriptions_table),
        ManagementApiClient(settings.management_endpoint),
        replace_oldest=settings.replace_oldest_connection,
    )
