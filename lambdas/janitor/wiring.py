"""Builds the parts of the function from its settings."""

from __future__ import annotations

import os
from functools import cache
from typing import NamedTuple

from janitor.janitor import Janitor
from janitor.revocation import Revoker
from janitor.settings import Settings
from realtime_core.adapters.aws import client
from realtime_core.adapters.dynamodb_connections import DynamoConnections
from realtime_core.adapters.dynamodb_history import DynamoHistory
from realtime_core.adapters.dynamodb_revocations import DynamoRevocations
from realtime_core.adapters.dynamodb_subscriptions import DynamoSubscriptions
from realtime_core.adapters.dynamodb_upkeep import DynamoUpkeep
from realtime_core.adapters.gateway_poster import GatewayPoster
from realtime_core.settings import read


class Components(NamedTuple):
    """The parts of the function."""

    revoker: Revoker
    janitor: Janitor
    history: DynamoHistory


@cache
def components() -> Components:
    """The parts of the function, built once for each process. Raises SettingsInvalid."""
    settings = read(Settings, os.environ)
    dynamodb = client("dynamodb")
    connections = DynamoConnections(dynamodb, settings.connections_table)
    subscriptions = DynamoSubscriptions(dynamodb, settings.connections_table, settings.subscriptions_table)
    poster = GatewayPoster(settings.management_endpoint, posts_per_second=settings.posts_per_second)

    revoker = Revoker(
        revocations=DynamoRevocations(dynamodb, settings.revocations_table),
        connections=connections,
        subscriptions=subscriptions,
        poster=poster,
    )
    janitor = Janitor(
        schedule=DynamoUpkeep(dynamodb, settings.connections_table),
        connections=connections,
        subscriptions=subscriptions,
        poster=poster,
        probe_seconds=settings.probe_interval_seconds,
    )
    return Components(revoker, janitor, DynamoHistory(dynamodb, settings.history_table, os.urandom))
