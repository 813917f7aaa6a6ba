"""Builds the pusher on the adapters that the settings name."""

from __future__ import annotations

from collections.abc import Mapping

from delivery.settings import Settings
from realtime_core.aws.client import client, connect_ahead
from realtime_core.connections.dynamodb import DynamoConnections
from realtime_core.history.dynamodb_chunks import DynamoChunks
from realtime_core.initialization import warm_up
from realtime_core.push.management_api.client import ManagementApiClient
from realtime_core.push.pusher import Pusher
from realtime_core.push.sqs import SqsDeadLetterQueue, SqsDeliveries
from realtime_core.settings import read
from realtime_core.subscriptions.dynamodb import DynamoSubscriptions


def build(environ: Mapping[str, str]) -> Pusher:
    """Build it, connected to what most jobs need. Raises SettingsInvalid."""
    settings = read(Settings, environ)
    dynamodb, sqs = client("dynamodb"), client("sqs")
    management_api = ManagementApiClient(
        settings.management_endpoint, posts_per_second=settings.posts_per_second
    )

    # Every job is posted, and a chunk of an event is counted off in the history. Only retries need SQS.
    warm_up(management_api.connect_ahead, lambda: connect_ahead(dynamodb))

    return Pusher(
        management_api,
        DynamoConnections(dynamodb, settings.connections_table),
        DynamoSubscriptions(dynamodb, settings.connections_table, settings.subscriptions_table),
        SqsDeliveries(sqs, settings.deliveries_queue_url),
        chunks=DynamoChunks(dynamodb, settings.history_table),
        undeliverable=SqsDeadLetterQueue(sqs, settings.deliveries_dlq_url),
    )
