"""Lambda that takes published events: by invoke, and from the events queue (SQS, SNS, EventBridge).

An event that breaks the contract reaches nobody. A synchronous caller is told so with a 400. Lambda does not
let a function see whether its caller waits, so every refused event is kept in the events dead-letter queue
too, with the reason: nobody would read the answer to an asynchronous one.
"""

from __future__ import annotations

import json
import os
import time
from functools import cache
from typing import TYPE_CHECKING, Any

from broadcast.group_index import GroupIndex
from broadcast.publisher import Publisher
from broadcast.settings import Settings
from realtime_core.aws.client import client
from realtime_core.connections.dynamodb import DynamoConnections
from realtime_core.errors import StoreUnavailable, ValidationFailed
from realtime_core.history.dynamodb import DynamoHistory
from realtime_core.messages.dynamodb import DynamoMessages
from realtime_core.push.management_api.client import ManagementApiClient
from realtime_core.push.pusher import Pusher
from realtime_core.push.sqs import SqsDeadLetterQueue, SqsDeliveries, age_ms
from realtime_core.settings import read
from realtime_core.subscriptions.dynamodb import DynamoSubscriptions
from realtime_core.telemetry.logs import bind, bound, get_logger
from realtime_core.telemetry.metric_catalog import EVENTS_REFUSED, QUEUE_AGE
from realtime_core.telemetry.metrics import add, measured
from realtime_core.wire.events import parse_event, unwrap
from realtime_core.wire.strict_json import dumps

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

    from realtime_core.subscriptions.base import Subscriptions

log = get_logger(__name__)


@cache
def _refused() -> SqsDeadLetterQueue:
    return SqsDeadLetterQueue(client("sqs"), read(Settings, os.environ).events_dlq_url)


@cache
def _publisher() -> Publisher:
    settings = read(Settings, os.environ)
    dynamodb = client("dynamodb")
    connections = DynamoConnections(dynamodb, settings.connections_table)
    subscriptions = _subscriptions(settings, dynamodb)
    deliveries = SqsDeliveries(client("sqs"), settings.deliveries_queue_url)
    return Publisher(
        connections=connections,
        subscriptions=subscriptions,
        groups=GroupIndex(subscriptions),
        messages=DynamoMessages(dynamodb, settings.messages_table, settings.message_retention_days),
        deliveries=deliveries,
        pusher=Pusher(
            ManagementApiClient(settings.management_endpoint), connections, subscriptions, deliveries
        ),
        direct_max=settings.direct_audience_max,
        history=DynamoHistory(dynamodb, settings.history_table, os.urandom),
        now=time.time,
    )


def _subscriptions(settings: Settings, dynamodb: DynamoDBClient) -> Subscriptions:
    """Who wants what: from DynamoDB, with the index in Redis before it where there is one."""
    store = DynamoSubscriptions(dynamodb, settings.connections_table, settings.subscriptions_table)
    if settings.redis_url is None:
        return store
    # Here, because without Redis nobody should wait for them.
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


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Publish one event (an invoke), or each event of an SQS batch."""
    with measured("broadcast", awsRequestId=context.aws_request_id):
        if records := _queued(event):
            return {"batchItemFailures": [failed for record in records for failed in _from_queue(record)]}
        bind(correlationId=context.aws_request_id)
        return _invoked(event, context.aws_request_id)


def _queued(event: Any) -> list[dict[str, Any]]:
    """The records of an SQS batch; none where the event is anything else that somebody invoked with."""
    records = event.get("Records") if isinstance(event, dict) else None
    if not isinstance(records, list):
        return []
    batch = [one for one in records if isinstance(one, dict) and one.get("eventSource") == "aws:sqs"]
    return batch if len(batch) == len(records) and all("messageId" in one for one in batch) else []


def _invoked(raw: Any, request_id: str) -> dict[str, Any]:
    """Answer an invoke. A retried asynchronous invoke keeps its request id, so its event keeps its id too."""
    try:
        event = parse_event(raw)
    except ValidationFailed as error:
        _refuse(json.dumps(raw), error)
        return {"statusCode": 400, "body": dumps({"broadcast": "rejected", "errors": error.details})}
    event_id = event.event_id or request_id
    bind(correlationId=event_id, eventId=event_id)
    return {"statusCode": 200, "body": dumps(_publisher().publish(event, event_id))}


def _from_queue(record: dict[str, Any]) -> list[dict[str, str]]:
    """Publish one queued event; what SQS is to try again, as a list of none or one."""
    with bound(correlationId=record["messageId"]):
        add(QUEUE_AGE, age_ms(record, time.time()), "events")
        try:
            event = parse_event(unwrap(record["body"]))
        except ValidationFailed as error:
            try:
                _refuse(record["body"], error)
            except StoreUnavailable:
                return [{"itemIdentifier": record["messageId"]}]
            return []
        event_id = event.event_id or record["messageId"]
        bind(correlationId=event_id, eventId=event_id)
        try:
            _publisher().publish(event, event_id)
        except StoreUnavailable:
            log.exception("publish_failed")
            return [{"itemIdentifier": record["messageId"]}]
        return []


def _refuse(raw: str, error: ValidationFailed) -> None:
    log.warning("event_refused", problems=error.details)
    add(EVENTS_REFUSED, 1)
    _refused().put(raw, error.message)
