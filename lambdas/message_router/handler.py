"""Lambda of every action route. The returned body is the route response, so a reply costs no post."""

from __future__ import annotations

import os
import time
from functools import cache
from typing import TYPE_CHECKING, Any

from message_router.action_limits import ActionLimits
from message_router.actions import Actions
from message_router.lookup import DynamoConnectionLookup
from message_router.router import Incoming, Router
from message_router.settings import Settings
from realtime_core.auth.dynamodb import DynamoRevocations
from realtime_core.auth.verifier import token_verifier
from realtime_core.aws.client import client
from realtime_core.connections.dynamodb import DynamoConnections
from realtime_core.history.dynamodb import DynamoHistory
from realtime_core.messages.dynamodb import DynamoMessages
from realtime_core.push.management_api.client import ManagementApiClient
from realtime_core.push.pusher import Pusher
from realtime_core.push.sqs import SqsDeliveries
from realtime_core.settings import read
from realtime_core.subscriptions.dynamodb import DynamoSubscriptions
from realtime_core.telemetry.metric_catalog import MESSAGE_LATENCY
from realtime_core.telemetry.metrics import add, measured

if TYPE_CHECKING:
    from message_router.limits import Limiter
    from realtime_core.subscriptions.pending_changes import PendingWrites

# An action that cannot be counted goes through, and its client waits for that. Trying again would count twice
# where only the answer was lost.
LIMITER_OPTIONS = {"connect_timeout": 0.5, "read_timeout": 1.0, "attempts": 1}


@cache
def _router() -> Router:
    settings = read(Settings, os.environ)
    dynamodb = client("dynamodb")
    connections = DynamoConnections(dynamodb, settings.connections_table)
    subscriptions = DynamoSubscriptions(
        dynamodb,
        settings.connections_table,
        settings.subscriptions_table,
        settings.max_subscriptions,
        _pending(settings),
    )
    pusher = Pusher(
        ManagementApiClient(settings.management_endpoint),
        connections,
        subscriptions,
        SqsDeliveries(client("sqs"), settings.deliveries_queue_url),
    )
    actions = Actions(
        connections=connections,
        subscriptions=subscriptions,
        messages=DynamoMessages(dynamodb, settings.messages_table, settings.message_retention_days),
        history=DynamoHistory(dynamodb, settings.history_table, os.urandom),
        lookup=DynamoConnectionLookup(
            dynamodb,
            settings.connections_table,
            settings.history_table,
            has_index=settings.index_enabled,
        ),
        verifier=token_verifier(settings),
        revocations=DynamoRevocations(dynamodb, settings.revocations_table),
        pusher=pusher,
        now=time.time,
        entropy=os.urandom,
    )
    limits = ActionLimits(
        _limiter(settings),
        send_message=settings.limit_send_message,
        subscriptions=settings.limit_subscriptions,
        others=settings.limit_others,
    )
    return Router(actions, connections, limits, time.time)


def _pending(settings: Settings) -> PendingWrites | None:
    """What tells the readers of the index of a change, where there is an index."""
    if not settings.index_enabled:
        return None
    from realtime_core.subscriptions.pending_changes import PendingWrites  # noqa: PLC0415

    return PendingWrites(settings.subscriptions_table)


def _limiter(settings: Settings) -> Limiter:
    if settings.limits_store == "redis":
        from message_router.limiter_redis import TAKE, RedisLimiter  # noqa: PLC0415
        from realtime_core.redis.client import redis_client  # noqa: PLC0415

        return RedisLimiter(redis_client(settings, [TAKE]))
    from message_router.limiter_dynamodb import DynamoLimiter  # noqa: PLC0415

    return DynamoLimiter(client("dynamodb", **LIMITER_OPTIONS), settings.limits_table)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer a MESSAGE event with the reply frame."""
    request = event["requestContext"]
    incoming = Incoming(
        body=event.get("body"),
        connection_id=request["connectionId"],
        correlation_id=request["requestId"],
        authorizer=request.get("authorizer") or {},
    )
    with measured("answered", connectionId=incoming.connection_id, correlationId=incoming.correlation_id):
        body = _router().reply(incoming)
        received_ms = request.get("requestTimeEpoch")
        if received_ms is not None:
            # Two clocks, API Gateway's and ours: what they differ by may make a fast answer look negative.
            add(MESSAGE_LATENCY, max(0, round(time.time() * 1000) - received_ms), "reply")
        return {"statusCode": 200, "body": body}
