"""Builds the parts of the function from its settings."""

from __future__ import annotations

import os
from functools import cache
from typing import NamedTuple

from janitor.janitor import Janitor
from janitor.revocation import Revoker
from janitor.settings import Settings
from realtime_core.auth.dynamodb import DynamoRevocations
from realtime_core.aws.client import client
from realtime_core.connections.dynamodb import DynamoConnections
from realtime_core.connections.dynamodb_schedule import DynamoSchedule
from realtime_core.history.dynamodb import DynamoHistory
from realtime_core.push.management_api.client import ManagementApiClient
from realtime_core.settings import read
from realtime_core.subscriptions.dynamodb import DynamoSubscriptions


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
    poster = ManagementApiClient(settings.management_endpoint, posts_per_second=settings.posts_per_second)

    revoker = Revoker(
        revocations=DynamoRevocations(dynamodb, settings.revocations_table),
        connections=connections,
        subscriptions=subscriptions,
        poster=poster,
    )
    janitor = Janitor(
        schedule=DynamoSchedule(dynamodb, settings.connections_table),
        connections=connections,
        subscriptions=subscriptions,
        poster=poster,
        probe_seconds=settings.probe_interval_seconds,
    )
    return Components(revoker, janitor, DynamoHistory(dynamodb, settings.history_table, os.urandom))
