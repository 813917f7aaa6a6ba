"""Builds a relay from the function's settings."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from realtime_core.aws.client import client
from realtime_core.redis.credentials import NoCredentials, credentials_provider
from realtime_core.settings import read
from realtime_core.telemetry.metrics import add, flush
from redis_relay.broadcast_client import BroadcastClient, lambda_client
from redis_relay.connection import connect
from redis_relay.relay import Relay
from redis_relay.settings import Settings, Timings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from redis.asyncio import Redis

    from realtime_core.telemetry.metric_catalog import Metric

BROADCAST_SECONDS = 65.0
"""How long to wait for `broadcast`, whose timeout is 60 s."""


@contextmanager
def open_relay(seconds: float) -> Iterator[Relay]:
    """A relay for an invocation with so many seconds left, and the threads that it publishes from."""
    settings = read(Settings, os.environ)
    drain = min(Timings.drain, seconds / 4)
    timings = Timings(
        relay=min(settings.relay_seconds, seconds - drain),
        drain=drain,
        stream_keep=settings.stream_keep_seconds,
    )
    with ThreadPoolExecutor(2 * settings.relay_parallel) as pool:
        yield Relay(
            _connect, _broadcast(), pool, timings, parallel=settings.relay_parallel,
            emit=_emit,
        )  # fmt: skip


@cache
def _broadcast() -> BroadcastClient:
    # One attempt: the callers retry by themselves, and know for how long.
    functions = lambda_client(read_timeout=BROADCAST_SECONDS, attempts=1)
    return BroadcastClient(functions, read(Settings, os.environ).broadcast_function)


def _connect() -> Redis:
    settings = read(Settings, os.environ)
    # Looked up for each connection: a password that Redis refused may have been rotated.
    login = credentials_provider(settings, lambda: client("secretsmanager"))
    return connect(settings.address, None if isinstance(login, NoCredentials) else login)


def _emit(values: list[tuple[Metric, float]]) -> None:
    for metric, value in values:
        add(metric, value)
    # At once: the end of the invocation, which flushes too, is minutes away.
    flush("relay_measured")
