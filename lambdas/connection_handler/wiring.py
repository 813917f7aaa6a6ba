"""Builds the stores of the connection handler on the tables that its settings name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from connection_handler.settings import Settings
from realtime_core.aws.client import client, connect_ahead
from realtime_core.connections.dynamodb import DynamoConnections
from realtime_core.initialization import warm_up
from realtime_core.settings import read
from realtime_core.subscriptions.dynamodb import DynamoSubscriptions

if TYPE_CHECKING:
    from realtime_core.connections.base import Connections
    from realtime_core.subscriptions.base import Subscriptions


class Stores(NamedTuple):
    """The stores of connections and of their subscriptions."""

    connections: Connections
    subscriptions: Subscriptions


def build(environ: Mapping[str, str]) -> Stores:
    """Build the stores, connected to DynamoDB. Raises SettingsInvalid."""
    settings = read(Settings, environ)
    dynamodb = client("dynamodb")

    warm_up(lambda: connect_ahead(dynamodb))

    return Stores(
        DynamoConnections(dynamodb, settings.connections_table, settings.schedule_partitions),
        DynamoSubscriptions(dynamodb, settings.connections_table, settings.subscriptions_table),
    )
