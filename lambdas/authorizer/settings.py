"""Settings of the authorizer function, from its environment."""

from __future__ import annotations

from realtime_core.auth.settings import TokenSettings
from realtime_core.auth.tokens import PUBLISH_SCOPE
from realtime_core.settings import LoggingSettings, text


class Settings(LoggingSettings, TokenSettings):
    """See `realtime_core.settings.read`."""

    revocations_table: str = text()
    jwt_publish_scope: str = text(default=PUBLISH_SCOPE, pattern="[!-~]{1,256}", expected="a word of a scope")
    """The word that the scope of a publisher's token must contain."""
