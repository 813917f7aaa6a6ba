"""Settings of the message_router function, from its environment."""

from __future__ import annotations

from message_router.action_limits import GET_EVENTS, NEW_FILTERS, PRESENCE, SUBSCRIPTIONS
from message_router.limits import LIMIT_EXPECTED, Limit, parse_limit
from realtime_core.auth.settings import TokenSettings
from realtime_core.redis.settings import RedisSettings
from realtime_core.settings import LoggingSettings, choice, flag, parsed, text, url, whole
from realtime_core.subscriptions.base import TOPIC_FILTERS_MAX


class Settings(LoggingSettings, TokenSettings, RedisSettings):
    """See `realtime_core.settings.read`."""

    connections_table: str = text()
    subscriptions_table: str = text()
    messages_table: str = text()
    history_table: str = text()
    management_endpoint: str = url()
    deliveries_queue_url: str = url()
    posts_per_second: int = whole(minimum=1, maximum=100_000)
    """The part of the account's request quota that one instance may use for messages."""
    max_subscriptions: int = whole(minimum=1, maximum=50, default=50)
    topic_filters_max: int = whole(minimum=1, maximum=100_000, default=TOPIC_FILTERS_MAX)
    message_retention_days: int = whole(minimum=1, maximum=365, default=30)
    limits_table: str = text()
    revocations_table: str = text()
    limit_send_message: Limit = parsed(parse_limit, LIMIT_EXPECTED, default=Limit(5, 20))
    limit_subscriptions: Limit = parsed(parse_limit, LIMIT_EXPECTED, default=SUBSCRIPTIONS)
    limit_get_events: Limit = parsed(parse_limit, LIMIT_EXPECTED, default=GET_EVENTS)
    limit_new_filters: Limit = parsed(parse_limit, LIMIT_EXPECTED, default=NEW_FILTERS)
    """Of filters that no subscription of their topic has yet."""
    limit_presence: Limit = parsed(parse_limit, LIMIT_EXPECTED, default=PRESENCE)
    limit_others: Limit = parsed(parse_limit, LIMIT_EXPECTED, default=Limit(10, 40))
    limits_store: str = choice(("dynamodb", "redis"), default="dynamodb")
    """The store of rate limits; `redis` requires REDIS_URL."""
    index_enabled: bool = flag(default=False)
    """Whether there is an index in Redis: then each change of a subscription is reported to it."""
