"""Builds the publisher on the adapters that its settings name."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from broadcast.forwarding import Forwarding
from broadcast.group_index import GroupIndex
from broadcast.inboxes import Inboxes
from broadcast.publisher import Publisher
from broadcast.settings import Settings
from broadcast.subscribers import Subscribers
from realtime_core.aws import credentials
from realtime_core.aws.client import client, connect_ahead
from realtime_core.connections.dynamodb import DynamoConnections
from realtime_core.errors import SettingsInvalid
from realtime_core.forwarding.sqs import SqsForwards
from realtime_core.history.dynamodb_admission import DynamoAdmission
from realtime_core.initialization import warm_up
from realtime_core.messages.dynamodb import DynamoMessages
from realtime_core.push.management_api.client import ManagementApiClient
from realtime_core.push.management_api.pacer import DIRECT_BURST_SECONDS
from realtime_core.push.pusher import Pusher
from realtime_core.push.sqs import SqsBodies, SqsDeadLetterQueue, SqsDeliveries
from realtime_core.settings import read
from realtime_core.subscriptions.dynamodb import DynamoSubscriptions

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_sqs.client import SQSClient

    from realtime_core.push.base import DeadLetterQueue, EventsQueue
    from realtime_core.subscriptions.base import Subscriptions


class Broadcast(NamedTuple):
    """The parts of the function."""

    publisher: Publisher
    dead_letters: DeadLetterQueue
    """Takes the events that break the contract."""
    events: EventsQueue
    """Takes the events of an invoke that need another attempt."""
    forwarding: Forwarding | None = None
    """None without other Regions."""


def build(environ: Mapping[str, str]) -> Broadcast:
    """Build them, connected to what most events need. Raises SettingsInvalid."""
    settings = read(Settings, environ)

    dynamodb, sqs = client("dynamodb"), client("sqs")
    management_api = ManagementApiClient(
        settings.management_endpoint,
        posts_per_second=settings.posts_per_second,
        burst_seconds=DIRECT_BURST_SECONDS,
    )
    connections = DynamoConnections(dynamodb, settings.connections_table)
    subscriptions = _subscriptions(settings, dynamodb)
    deliveries = SqsDeliveries(sqs, settings.deliveries_queue_url)
    forwarding = _forwarding(settings, sqs)
    publisher = Publisher(
        subscribers=Subscribers(
            subscriptions,
            GroupIndex(subscriptions, settings.index_bytes_max),
            settings.audience_in_memory_max,
        ),
        inboxes=Inboxes(
            DynamoMessages(dynamodb, settings.messages_table, settings.message_retention_days), connections
        ),
        admission=DynamoAdmission(dynamodb, settings.history_table, os.urandom),
        deliveries=deliveries,
        pusher=Pusher(management_api, connections, subscriptions, deliveries),
        direct_max=settings.direct_audience_max,
        now=time.time,
        forwarding=forwarding,
    )

    # Every event needs DynamoDB, and one for a small audience is posted from here. Only large ones need SQS.
    # Redis is left out: while it is in trouble, INIT would wait for it, and the first event once more.
    warm_up(lambda: connect_ahead(dynamodb), management_api.connect_ahead)

    return Broadcast(
        publisher,
        SqsDeadLetterQueue(sqs, settings.events_dlq_url),
        SqsBodies(sqs, settings.events_queue_url),
        forwarding,
    )


def _forwarding(settings: Settings, sqs: SQSClient) -> Forwarding | None:
    """Return the way to other Regions, if there are any."""
    if not settings.forward_events_to:
        return None
    if settings.forwards_queue_url is None:
        raise SettingsInvalid("FORWARDS_QUEUE_URL is not set; FORWARD_EVENTS_TO needs it")
    return Forwarding(
        SqsForwards(sqs, settings.forwards_queue_url),
        settings.forward_events_to,
        f"{settings.service}@{credentials.region()}",
    )


def _subscriptions(settings: Settings, dynamodb: DynamoDBClient) -> Subscriptions:
    """Return the store on DynamoDB, behind the index in Redis if there is one."""
    store = DynamoSubscriptions(dynamodb, settings.connections_table, settings.subscriptions_table)
    if settings.redis_url is None:
        return store

    # Imported here: without Redis, no cold start should pay for it.
    from broadcast.indexed_subscriptions import IndexedSubscriptions  # noqa: PLC0415
    from broadcast.redis_index import RedisIndex  # noqa: PLC0415
    from realtime_core.redis.client import redis_client  # noqa: PLC0415
    from realtime_core.redis.dynamodb_health import DynamoHealth  # noqa: PLC0415
    from realtime_core.subscriptions.pending_changes import DynamoPendingChanges  # noqa: PLC0415

    return IndexedSubscriptions(
        store,
        RedisIndex(redis_client(settings)),
        DynamoPendingChanges(dynamodb, settings.subscriptions_table),
        DynamoHealth(dynamodb, settings.history_table),
        shards_min=settings.index_shards_min,
    )
