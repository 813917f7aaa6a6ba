"""Settings of the authorizer function, from its environment."""

from __future__ import annotations

from realtime_core.auth.settings import TokenSettings
from realtime_core.settings import LoggingSettings, text


class Settings(LoggingSettings, TokenSettings):
    """See `realtime_core.settings.read`."""

    revocations_table: str = text()
