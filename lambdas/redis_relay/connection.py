"""Connections to Redis through redis-py, and control of the asyncio tasks that use them."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.credentials import CredentialProvider

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from realtime_core.redis.credentials import CredentialsProvider
    from realtime_core.redis.settings import RedisAddress

CONNECT_SECONDS = 2.0
REPLY_SECONDS = 5.0


class _Credentials(CredentialProvider):
    """Reads the credentials each time a connection is opened, so a rotated password is picked up."""

    def __init__(self, credentials_provider: CredentialsProvider) -> None:
        self._provider = credentials_provider

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        username, password = self._provider.credentials()
        password = password or ""
        return (username, password) if username else (password,)

    async def get_credentials_async(self) -> tuple[str] | tuple[str, str]:
        return await asyncio.to_thread(self.get_credentials)


def connect(address: RedisAddress, credentials_provider: CredentialsProvider | None) -> Redis:
    """Create a client of Redis, which connects at its first command; None for the provider means no AUTH.

    The client never retries: only its caller knows which commands may be repeated.
    """
    return Redis(
        host=address.host,
        port=address.port,
        ssl=address.tls,
        ssl_ca_certs=os.environ.get("AWS_CA_BUNDLE") or None,
        ssl_check_hostname=True,
        credential_provider=_Credentials(credentials_provider) if credentials_provider else None,
        socket_connect_timeout=CONNECT_SECONDS,
        socket_timeout=REPLY_SECONDS,
        socket_keepalive=True,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
        client_name="redis_relay",
    )


def not_cancelled() -> bool:
    """Whether the current task is still to run. Every loop that uses Redis asks this.

    Outside limit: redis-py's asyncio client loses a cancellation that arrives while it returns a connection
    to its pool (seen with 8.1 on Python 3.11), and the loop around the call would never end.
    """
    task = asyncio.current_task()
    return task is None or not task.cancelling()


async def cancel(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks and wait until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def first_completed(*work: Coroutine[Any, Any, None] | asyncio.Task[Any]) -> None:
    """Wait until the first of these ends, then cancel those that were passed as coroutines.

    Raises the error that the first one raised, unwrapped from the groups that TaskGroup makes.
    """
    tasks = [item if isinstance(item, asyncio.Task) else asyncio.create_task(item) for item in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            if (error := task.exception()) is not None:
                while isinstance(error, BaseExceptionGroup):
                    error = error.exceptions[0]
                raise error
    finally:
        await cancel(*(task for task, item in zip(tasks, work, strict=True) if task is not item))
