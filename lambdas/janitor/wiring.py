"""Builds the janitor on the adapters that its settings name."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import NamedTuple

from janitor.duties import Duties
from janitor.ending import Ending
from janitor.janitor import Janitor
from janitor.leases_dynamodb import DynamoLeases
from janitor.probing import Prober
from janitor.revocation import Revoker
from janitor.settings import Settings
from realtime_core.auth.dynamodb import DynamoRevocations
from realtime_core.aws.client import client, connect_ahead
from realtime_core.connections.dynamodb import DynamoConnections
from realtime_core.connections.dynamodb_schedule import DynamoSchedule
from realtime_core.history.dynamodb_trimming import DynamoTrimming
from realtime_core.initialization import warm_up
from realtime_core.push.management_api.client import ManagementApiClient
from realtime_core.settings import read
from realtime_core.subscriptions.dynamodb import DynamoSubscriptions


class Components(NamedTuple):
    """The parts of the function."""

    revoker: Revoker
    janitor: Janitor
    trimming: DynamoTrimming
    ending: Ending


def build(environ: Mapping[str, str]) -> Components:
    """Build the parts, connected to DynamoDB. Raises SettingsInvalid."""
    settings = read(Settings, environ)
    dynamodb = client("dynamodb")
    connections = DynamoConnections(dynamodb, settings.connections_table)
    subscriptions = DynamoSubscriptions(dynamodb, settings.connections_table, settings.subscriptions_table)
    poster = ManagementApiClient(settings.management_endpoint, posts_per_second=settings.posts_per_second)

    warm_up(lambda: connect_ahead(dynamodb))

    leases = DynamoLeases(dynamodb, settings.history_table)
    schedule = DynamoSchedule(dynamodb, settings.connections_table, settings.schedule_partitions)
    duties = Duties(schedule=schedule, connections=connections, subscriptions=subscriptions, poster=poster)
    prober = Prober(
        schedule=schedule,
        duties=duties,
        poster=poster,
        timer=time.monotonic,
        probe_seconds=settings.probe_interval_seconds,
    )
    revoker = Revoker(
        revocations=DynamoRevocations(dynamodb, settings.revocations_table),
        connections=connections,
        subscriptions=subscriptions,
        poster=poster,
        leases=leases,
    )
    janitor = Janitor(schedule=schedule, leases=leases, duties=duties, prober=prober)
    ending = Ending(connections=connections, subscriptions=subscriptions, poster=poster)
    return Components(revoker, janitor, DynamoTrimming(dynamodb, settings.history_table), ending)
