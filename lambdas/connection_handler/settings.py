"""Settings of the connection_handler function, from its environment."""

from __future__ import annotations

from realtime_core.connections.schedule import PARTITIONS, PARTITIONS_MAX
from realtime_core.settings import LoggingSettings, flag, text, url, whole


class Settings(LoggingSettings):
    """See `realtime_core.settings.read`."""

    connections_table: str = text()
    subscriptions_table: str = text()
    management_endpoint: str = url()
    max_connections_per_user: int = whole(minimum=1, maximum=1_000, default=20)
    replace_oldest_connection: bool = flag(default=False)
    """Whether a user with the maximum loses the oldest connection for a new one, instead of being refused."""
    schedule_partitions: int = whole(minimum=PARTITIONS, maximum=PARTITIONS_MAX, default=PARTITIONS)
    """Over how many partitions new records are distributed for the janitor."""
