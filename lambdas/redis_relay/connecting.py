"""Connections to Redis that give up in time, and log in anew each time they are opened."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.credentials import CredentialProvider

if TYPE_CHECKING:
    from realtime_core.redis.credentials import CredentialsProvider
    from realtime_core.redis.settings import RedisAddress

CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 5.0


class _Provider(CredentialProvider):
    def __init__(self, credentials_provider: CredentialsProvider) -> None:
        self._logins = credentials_provider

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        username, password = self._logins.credentials()
        password = password or ""
        return (username, password) if username else (password,)

    async def get_credentials_async(self) -> tuple[str] | tuple[str, str]:
        return await asyncio.to_thread(self.get_credentials)


def connect(address: RedisAddress, credentials_provider: CredentialsProvider | None) -> Redis:
    """A client of Redis; nothing happens before its first command. `logins` is None without AUTH.

    It does not try anything again: whoever calls knows what may be repeated.
    """
    return Redis(
        host=address.host,
        port=address.port,
        ssl=address.tls,
        ssl_ca_certs=os.environ.get("AWS_CA_BUNDLE") or None,
        ssl_check_hostname=True,
        credential_provider=_Provider(credentials_provider) if credentials_provider else None,
        socket_connect_timeout=CONNECT_SECONDS,
        socket_timeout=ANSWER_SECONDS,
        socket_keepalive=True,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
        client_name="redis_relay",
    )
