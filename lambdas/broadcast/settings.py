"""Settings of the broadcast function, from its environment."""

from __future__ import annotations

from broadcast.group_index import INDEX_BYTES_MAX
from broadcast.subscribers import TOGETHER_MAX
from realtime_core.forwarding.base import parse_bus_arns
from realtime_core.redis.settings import RedisSettings
from realtime_core.settings import LoggingSettings, parsed, text, url, whole


class Settings(LoggingSettings, RedisSettings):
    """See `realtime_core.settings.read`."""

    connections_table: str = text()
    subscriptions_table: str = text()
    messages_table: str = text()
    history_table: str = text()
    management_endpoint: str = url()
    deliveries_queue_url: str = url()
    events_queue_url: str = url()
    events_dlq_url: str = url()
    posts_per_second: int = whole(minimum=1, maximum=100_000)
    """The part of the account's request quota that one instance may use for small audiences."""
    direct_audience_max: int = whole(minimum=0, maximum=1_000, default=100)
    index_bytes_max: int = whole(minimum=1_000_000, maximum=8_000_000_000, default=INDEX_BYTES_MAX)
    """What the cached groups of all topics may take; a topic beyond it is read for each event."""
    audience_in_memory_max: int = whole(minimum=1, maximum=5_000_000, default=TOGETHER_MAX)
    """Events for more connections are planned as a stream, each by itself."""
    message_retention_days: int = whole(minimum=1, maximum=365, default=30)
    index_shards_min: int = whole(minimum=1, maximum=1_000, default=8)
    """Events that reach fewer shards are read from DynamoDB, though there is an index: that is cheaper."""
    forward_events_to: tuple[str, ...] = parsed(
        parse_bus_arns, "ARNs of event buses, separated by commas", default=()
    )
    """The event buses of other Regions that get every event which is accepted here."""
    forwards_queue_url: str | None = url(default=None)
    """The queue on the way to them; needed with FORWARD_EVENTS_TO."""
