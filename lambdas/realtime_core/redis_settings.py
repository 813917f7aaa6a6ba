"""Settings of the functions that speak to Redis; a module of its own, since others need no such rules."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from realtime_core.errors import SettingsInvalid
from realtime_core.settings import parsed, text

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """Where Redis is reached, and whether by TLS."""

    host: str
    port: int
    tls: bool


def parse_redis_url(raw: str) -> RedisAddress:
    """`rediss://HOST[:PORT]`, or `redis://` of this machine. Raises ValueError for anything else.

    Names and passwords do not belong into a URL, which ends up in logs; nor is there a database to choose.
    """
    parts = urlsplit(raw)
    tls = parts.scheme == "rediss"
    if not parts.hostname or parts.username is not None or parts.path not in {"", "/"} or parts.query:
        raise ValueError(raw)
    if not tls and not (parts.scheme == "redis" and parts.hostname in LOOPBACK):
        raise ValueError(raw)
    if parts.port == 0:  # reading it refuses what is no port
        raise ValueError(raw)
    return RedisAddress(parts.hostname, parts.port or 6379, tls)


@dataclass(frozen=True, kw_only=True)
class RedisSettings:
    """How a function reaches Redis: by a password kept in Secrets Manager, or as its own IAM role."""

    redis_url: RedisAddress | None = parsed(
        parse_redis_url,
        "rediss://HOST:PORT without name or password (redis:// for this machine alone)",
        default=None,
    )
    """None where Redis is switched off."""
    redis_username: str | None = text(default=None)
    """The user of the access control list; needed with IAM, where it is the user's id."""
    redis_secret_arn: str | None = text(default=None)
    """The ARN of the secret that holds the password."""
    redis_iam_cache: str | None = text(default=None)
    """The name of the ElastiCache replication group that is logged in to as the function's role."""

    def __post_init__(self) -> None:
        if self.redis_secret_arn and self.redis_iam_cache:
            raise SettingsInvalid("REDIS_SECRET_ARN and REDIS_IAM_CACHE exclude each other; set one")
        if self.redis_iam_cache and not self.redis_username:
            raise SettingsInvalid("REDIS_USERNAME is not set; with REDIS_IAM_CACHE set it to the user's id")
