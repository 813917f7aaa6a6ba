"""Settings of the janitor function, from its environment."""

from __future__ import annotations

from realtime_core.connections.schedule import PARTITIONS, PARTITIONS_MAX, PROBE_SECONDS
from realtime_core.settings import LoggingSettings, text, url, whole


class Settings(LoggingSettings):
    """See `realtime_core.settings.read`."""

    connections_table: str = text()
    subscriptions_table: str = text()
    history_table: str = text()
    revocations_table: str = text()
    management_endpoint: str = url()
    posts_per_second: int = whole(minimum=1, maximum=10_000, default=3_000)
    probe_interval_seconds: int = whole(minimum=60, maximum=7_200, default=PROBE_SECONDS)
    schedule_partitions: int = whole(minimum=PARTITIONS, maximum=PARTITIONS_MAX, default=PARTITIONS)
    """The largest number that the writers of connection records have had."""
