"""Settings of the functions that use Redis. A module of its own: no other function imports its rules."""

from __future__ import annotations

from typing import NamedTuple

from realtime_core.settings import parsed, text
from realtime_core.urls import parse_url

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_SCHEMES = {"rediss": "https", "redis": "http"}


class RedisAddress(NamedTuple):
    """The address of Redis, and whether connections to it use TLS."""

    host: str
    port: int
    tls: bool


def parse_redis_url(raw: str) -> RedisAddress:
    """Parse `rediss://HOST[:PORT]`, or `redis://` of the loopback interface. Raises ValueError otherwise.

    A URL may end up in a log, so it must not contain a name or a password; and it cannot select a database,
    as there is only one.
    """
    scheme, _, rest = raw.partition("://")
    tls = scheme == "rediss"
    if scheme not in _SCHEMES or "?" in rest or "#" in rest:
        raise ValueError(raw)
    url = parse_url(f"{_SCHEMES[scheme]}://{rest}")
    if url.path not in {"", "/"} or not (tls or url.host in LOOPBACK):
        raise ValueError(raw)
    return RedisAddress(url.host, url.port or 6379, tls)


class RedisSettings:
    """How a function connects to Redis, and logs in: by a password in Secrets Manager, or as its IAM role."""

    redis_url: RedisAddress | None = parsed(
        parse_redis_url,
        "rediss://HOST:PORT without name or password (redis:// for this machine alone)",
        default=None,
    )
    """None if Redis is switched off."""
    redis_username: str | None = text(default=None)
    """The user of the access control list; required for IAM, where it is the user's id."""
    redis_secret_arn: str | None = text(default=None)
    """The ARN of the secret that contains the password."""
    redis_iam_cache: str | None = text(default=None)
    """The name of the ElastiCache replication group; set it to log in as the function's IAM role."""
