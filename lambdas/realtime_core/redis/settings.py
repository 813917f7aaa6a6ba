"""Settings of the functions that speak to Redis; a module of its own, since others need no such rules."""

from __future__ import annotations

from typing import NamedTuple

from realtime_core.settings import parsed, text
from realtime_core.urls import parse_url

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_SCHEMES = {"rediss": "https", "redis": "http"}


class RedisAddress(NamedTuple):
    """Where Redis is reached, and whether by TLS."""

    host: str
    port: int
    tls: bool


def parse_redis_url(raw: str) -> RedisAddress:
    """`rediss://HOST[:PORT]`, or `redis://` of this machine. Raises ValueError for anything else.

    Names and passwords do not belong into a URL, which ends up in logs; nor is there a database to choose.
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
