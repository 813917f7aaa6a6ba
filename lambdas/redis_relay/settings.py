"""Settings of the redis_relay function, from its environment."""

from __future__ import annotations

from realtime_core.errors import SettingsInvalid
from realtime_core.redis.settings import RedisAddress, RedisSettings
from realtime_core.settings import LoggingSettings, text, whole


class Settings(LoggingSettings, RedisSettings):
    """See `realtime_core.settings.read`."""

    broadcast_function: str = text()
    """Name or ARN of the function that events are handed to."""
    relay_seconds: int = whole(minimum=150, maximum=870, default=840)
    """How long one invocation relays; less than its timeout by what it may take to finish."""
    relay_parallel: int = whole(minimum=1, maximum=100, default=4)
    """Events of channels, and as many of the stream, that are with `broadcast` at once."""
    stream_keep_seconds: int = whole(minimum=0, maximum=7 * 24 * 60 * 60, default=300)
    """How long entries stay in the stream that every consumer group is done with."""

    @property
    def address(self) -> RedisAddress:
        """Where Redis is. Raises SettingsInvalid where that is not set."""
        if self.redis_url is None:
            raise SettingsInvalid("REDIS_URL is not set; set it to rediss://HOST:PORT")
        return self.redis_url
