"""Settings of the connection_handler function, from its environment."""

from __future__ import annotations

from realtime_core.connections.schedule import PARTITIONS, PARTITIONS_MAX
from realtime_core.settings import LoggingSettings, text, whole


class Settings(LoggingSettings):
    """See `realtime_core.settings.read`."""

    connections_table: str = text()
    subscriptions_table: str = text()
    schedule_partitions: int = whole(minimum=PARTITIONS, maximum=PARTITIONS_MAX, default=PARTITIONS)
    """Over how many partitions new records are distributed for the janitor."""
