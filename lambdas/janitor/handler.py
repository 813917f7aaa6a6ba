"""Lambda that a schedule runs each minute: tends the connections, counts them, and trims the history."""

from __future__ import annotations

import os
import time
from functools import cache
from typing import Any

from janitor.janitor import Janitor
from janitor.revoking import Revoker
from janitor.settings import Settings
from janitor.tally import Tally
from realtime_core.auth.dynamodb import DynamoRevocations
from realtime_core.aws.client import client
from realtime_core.connections.dynamodb import DynamoConnections
from realtime_core.connections.dynamodb_schedule import DynamoSchedule
from realtime_core.errors import StoreUnavailable
from realtime_core.history.dynamodb import DynamoHistory
from realtime_core.push.management_api.client import ManagementApiClient
from realtime_core.settings import read
from realtime_core.subscriptions.dynamodb import DynamoSubscriptions
from realtime_core.telemetry.configuration import configure
from realtime_core.telemetry.logs import get_logger
from realtime_core.telemetry.metrics import add, measured

log = get_logger(__name__)
configure(os.environ)

RESERVE_SECONDS = 15.0
"""Kept of the function's time for the page that is under way when the run's time is up, and for the rest."""


@cache
def _chores() -> tuple[Revoker, Janitor, DynamoHistory]:
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
        upkeep=DynamoSchedule(dynamodb, settings.connections_table),
        connections=connections,
        subscriptions=subscriptions,
        poster=poster,
        probe_seconds=settings.probe_interval_seconds,
    )
    return revoker, janitor, DynamoHistory(dynamodb, settings.history_table, os.urandom)


def handler(_event: object, context: Any) -> dict[str, Any]:
    """Do what is due; the answer says what that was."""
    with measured("upkeep", correlationId=context.aws_request_id):
        revoker, janitor, history = _chores()
        tally = Tally()
        revoker.run(tally)
        janitor.run(context.get_remaining_time_in_millis() / 1000 - RESERVE_SECONDS, tally)
        try:
            tally.events_trimmed = history.trim(int(time.time() * 1000))
        except StoreUnavailable:
            log.exception("upkeep_failed", duty="trim")
            tally.failures += 1
        log.info("tended", **tally.as_dict())
        for metric, value in tally.metrics():
            add(metric, value)
        return tally.as_dict()
