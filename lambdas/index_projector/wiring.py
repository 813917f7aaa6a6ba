"""Builds the projector on the adapters that its settings name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from index_projector import scripts
from index_projector.index import Index
from index_projector.maintenance import Maintenance
from index_projector.projector import Projector
from index_projector.rebuild import Rebuild
from index_projector.settings import Settings
from index_projector.table import Table
from index_projector.verification import Verification
from realtime_core.aws.client import client, connect_ahead
from realtime_core.initialization import warm_up
from realtime_core.redis.client import redis_client
from realtime_core.redis.dynamodb_health import DynamoHealth
from realtime_core.settings import read
from realtime_core.subscriptions.pending_changes import DynamoPendingChanges

REPLY_SECONDS = 3.0
"""A script of many writes takes a while on a busy server, and no client waits for it here."""


class Components(NamedTuple):
    """The parts of the function."""

    projector: Projector
    maintenance: Maintenance
    rebuild: Rebuild
    verification: Verification


def build(environ: Mapping[str, str]) -> Components:
    """Build the parts, connected to DynamoDB. Raises SettingsInvalid."""
    settings = read(Settings, environ)
    dynamodb = client("dynamodb")
    index = Index(redis_client(settings, scripts.ALL, REPLY_SECONDS))
    table = Table(dynamodb, settings.subscriptions_table)
    pending = DynamoPendingChanges(dynamodb, settings.subscriptions_table)
    health = DynamoHealth(dynamodb, settings.history_table)

    # Redis is left out: while it is in trouble, INIT would wait for it, and the first batch once more.
    warm_up(lambda: connect_ahead(dynamodb))

    projector = Projector(index, table, pending)
    rebuild, verification = Rebuild(index, table), Verification(index, table, projector)
    maintenance = Maintenance(index, rebuild, verification, projector, pending=pending, health=health)
    return Components(projector, maintenance, rebuild, verification)
