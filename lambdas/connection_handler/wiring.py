"""Builds the stores of the connection handler on the tables that its settings name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from connection_handler.connection_limit import ConnectionLimit
from connection_handler.settings import Settings
from realtime_core.aws.client import client, connect_ahead
from realtime_core.connections.dynamodb import DynamoConnections
from realtime_core.initialization import warm_up
from realtime_core.settings import read
from realtime_core.subscriptions.dynamodb import DynamoSubscriptions

if TYPE_CHECKING:
    from connection_handler.room import Room
    from realtime_core.connections.base import Connections
    from realtime_core.subscriptions.base import Subscriptions


class Stores(NamedTuple):
    """The stores of connections and of their subscriptions, and the limit of a user's connections."""

    connections: Connections
    subscriptions: Subscriptions
    limit: ConnectionLimit


def build(environ: Mapping[str, str]) -> Stores:
    """Build the stores, connected to DynamoDB. Raises SettingsInvalid."""
    settings = read(Settings, environ)
    dynamodb = client("dynamodb")

    warm_up(lambda: connect_ahead(dynamodb))

    connections = DynamoConnections(dynamodb, settings.connections_table, settings.schedule_partitions)
    subscriptions = DynamoSubscriptions(dynamodb, settings.connections_table, settings.subscriptions_table)
    limit = ConnectionLimit(
        connections,
        settings.max_connections_per_user,
        lambda: _room(settings, connections, subscriptions),
    )
    return Stores(connections, subscriptions, limit)


def _room(settings: Settings, connections: Connections, subscriptions: Subscriptions) -> Room:
    """Build what finds room for a user with the maximum: loaded by the few handshakes that need it."""
    from connection_handler.room import Room  # noqa: PLC0415
    from realtime_core.push.management_api.client import ManagementApiClient  # noqa: PLC0415

    return Room(
        connections,
        subscriptions,
        ManagementApiClient(settings.management_endpoint),
        replace_oldest=settings.replace_oldest_connection,
    )
