"""The client that a function's settings ask for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from realtime_core.adapters.aws import client
from realtime_core.adapters.redis_client import ANSWER_SECONDS, RedisClient, Script
from realtime_core.adapters.redis_login import logins
from realtime_core.errors import SettingsInvalid

if TYPE_CHECKING:
    from realtime_core.redis_settings import RedisSettings

# Whoever waits for the password could go on without Redis meanwhile.
SECRET_OPTIONS = {"connect_timeout": 0.3, "read_timeout": 0.5, "attempts": 1}


def redis_client(
    settings: RedisSettings, scripts: Sequence[Script] = (), answer_seconds: float = ANSWER_SECONDS
) -> RedisClient:
    """A client, not connected yet. Raises SettingsInvalid where no Redis is named, or half of one."""
    if settings.redis_url is None:
        raise SettingsInvalid("REDIS_URL is not set; set it to rediss://HOST:PORT without name or password")
    secrets = logins(settings, lambda: client("secretsmanager", **SECRET_OPTIONS))
    return RedisClient(settings.redis_url, secrets, scripts=scripts, answer_seconds=answer_seconds)
