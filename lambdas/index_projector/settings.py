"""Settings of the index_projector function, from its environment."""

from __future__ import annotations

from realtime_core.redis.settings import RedisSettings
from realtime_core.settings import LoggingSettings, text


class Settings(LoggingSettings, RedisSettings):
    """See `realtime_core.settings.read`."""

    subscriptions_table: str = text()
    history_table: str = text()
