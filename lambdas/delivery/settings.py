"""Settings of the delivery function, from its environment."""

from __future__ import annotations

from realtime_core.settings import LoggingSettings, text, url, whole


class Settings(LoggingSettings):
    """See `realtime_core.settings.read`."""

    connections_table: str = text()
    subscriptions_table: str = text()
    history_table: str = text()
    management_endpoint: str = url()
    deliveries_queue_url: str = url()
    deliveries_dlq_url: str = url()
    posts_per_second: int = whole(minimum=1, maximum=100_000)
    """The part of the account's request quota that one instance may use."""
