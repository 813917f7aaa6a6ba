"""Builds the router on the adapters that its settings name."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from message_router.action_limits import ActionLimits
from message_router.actions import Actions
from message_router.lookup import DynamoConnectionLookup
from message_router.router import Router
from message_router.settings import Settings
from realtime_core.auth.dynamodb import DynamoRevocations
from realtime_core.auth.verifier import token_verifier
from realtime_core.aws.client import client, connect_ahead
from realtime_core.connections.dynamodb import DynamoConnections
from realtime_core.history.dynamodb_events import DynamoHistory
from realtime_core.initialization import warm_up
from realtime_core.messages.dynamodb import DynamoMessages
from realtime_core.push.management_api.client import ManagementApiClient
from realtime_core.push.management_api.pacer import DIRECT_BURST_SECONDS
from realtime_core.push.pusher import Pusher
from realtime_core.push.sqs import SqsDeliveries
from realtime_core.settings import read
from realtime_core.subscriptions.dynamodb import DynamoSubscriptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from message_router.limits import Limiter
    from realtime_core.subscriptions.pending_changes import PendingWrites

# An action that cannot be counted goes through, and its client waits for the attempt. A second attempt would
# count twice if only the answer to the first was lost.
LIMITER_OPTIONS = {"connect_timeout": 0.5, "read_timeout": 1.0, "attempts": 1}


def build(environ: Mapping[str, str]) -> Router:
    """Build it, connected to what most actions need. Raises SettingsInvalid."""
    settings = read(Settings, environ)

    dynamodb = client("dynamodb")
    connections = DynamoConnections(dynamodb, settings.connections_table)
    subscriptions = DynamoSubscriptions(
        dynamodb,
        settings.connections_table,
        settings.subscriptions_table,
        settings.max_subscriptions,
        _pending_writes(settings),
        topic_filters_max=settings.topic_filters_max,
    )
    pusher = Pusher(
        ManagementApiClient(
            settings.management_endpoint,
            posts_per_second=settings.posts_per_second,
            burst_seconds=DIRECT_BURST_SECONDS,
        ),
        connections,
        subscriptions,
        SqsDeliveries(client("sqs"), settings.deliveries_queue_url),
    )
    limiter, limiter_steps = _limiter(settings)
    limits = ActionLimits(
        limiter,
        send_message=settings.limit_send_message,
        subscriptions=settings.limit_subscriptions,
        get_events=settings.limit_get_events,
        others=settings.limit_others,
        presence=settings.limit_presence,
        new_filters=settings.limit_new_filters,
    )

    actions = Actions(
        connections=connections,
        subscriptions=subscriptions,
        messages=DynamoMessages(dynamodb, settings.messages_table, settings.message_retention_days),
        history=DynamoHistory(dynamodb, settings.history_table),
        lookup=DynamoConnectionLookup(
            dynamodb, settings.connections_table, settings.history_table, has_index=settings.index_enabled
        ),
        verifier=token_verifier(settings),
        revocations=DynamoRevocations(dynamodb, settings.revocations_table),
        pusher=pusher,
        now=time.time,
        entropy=os.urandom,
        take_new_filter=limits.take_new_filter,
        mark_refreshed=limits.mark_refreshed,
    )

    # Every action but a ping calls these. Few call the rest: SQS, the management API, Secrets Manager. Redis
    # is left out: while it is in trouble, INIT would wait for it, and the first action once more.
    warm_up(lambda: connect_ahead(dynamodb), *limiter_steps)

    return Router(actions, connections, limits, time.time, settings.jwt_leeway_seconds)


def _pending_writes(settings: Settings) -> PendingWrites | None:
    """Return what reports changes to the index, if there is one."""
    if not settings.index_enabled:
        return None
    from realtime_core.subscriptions.pending_changes import PendingWrites  # noqa: PLC0415

    return PendingWrites(settings.subscriptions_table)


def _limiter(settings: Settings) -> tuple[Limiter, tuple[Callable[[], object], ...]]:
    """Return the limiter, and the steps that warm it up."""
    if settings.limits_store == "redis":
        from message_router.limiter_redis import TAKE, RedisLimiter  # noqa: PLC0415
        from realtime_core.redis.client import redis_client  # noqa: PLC0415

        return RedisLimiter(redis_client(settings, [TAKE])), ()

    from message_router.limiter_dynamodb import DynamoLimiter  # noqa: PLC0415

    dynamodb = client("dynamodb", **LIMITER_OPTIONS)
    return DynamoLimiter(dynamodb, settings.limits_table), (lambda: connect_ahead(dynamodb),)
