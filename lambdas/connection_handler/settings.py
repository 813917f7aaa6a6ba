"""Settings of the connection_handler function, from its environment."""

from __future__ import annotations

from realtime_core.settings import LoggingSettings, text


class Settings(LoggingSettings):
    """See `realtime_core.settings.read`."""

    connections_table: str = text()
    subscriptions_table: str = text()
