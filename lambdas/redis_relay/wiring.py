"""Builds a relay from the function's settings."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from realtime_core.aws.client import client
from realtime_core.redis.credentials import NoCredentials, credentials_provider
from realtime_core.settings import read
from realtime_core.telemetry.metrics import add, flush
from redis_relay.broadcast_client import BroadcastClient, lambda_client
from redis_relay.connection import connect
from redis_relay.relay import Relay
from redis_relay.settings import Settings, Timings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from redis.asyncio import Redis

    from realtime_core.telemetry.metric_catalog import Metric

BROADCAST_SECONDS = 65.0
"""How long to wait for `broadcast`, whose timeout is 60 s."""


class Components(NamedTuple):
    """The parts of the function."""

    settings: Settings
    broadcast: BroadcastClient


def build(environ: Mapping[str, str]) -> Components:
    """Build the parts; the relay itself connects them. Raises SettingsInvalid."""
    settings = read(Settings, environ)
    # One attempt: the callers retry by themselves, and know for how long.
    functions = lambda_client(read_timeout=BROADCAST_SECONDS, attempts=1)
    return Components(settings, BroadcastClient(functions, settings.broadcast_function))


@contextmanager
def open_relay(components: Components, seconds: float) -> Iterator[Relay]:
    """A relay for an invocation with so many seconds left, and the threads that it publishes from."""
    settings = components.settings
    drain = min(Timings.drain, seconds / 4)
    timings = Timings(
        relay=min(settings.relay_seconds, seconds - drain),
        drain=drain,
        stream_keep=settings.stream_keep_seconds,
    )
    with ThreadPoolExecutor(2 * settings.relay_parallel) as pool:
        yield Relay(
            lambda: _connect(settings), components.broadcast, pool, timings,
            parallel=settings.relay_parallel, emit=_emit,
        )  # fmt: skip


def _connect(settings: Settings) -> Redis:
    # Looked up for each connection: a password that Redis refused may have been rotated.
    login = credentials_provider(settings, lambda: client("secretsmanager"))
    return connect(settings.address, None if isinstance(login, NoCredentials) else login)


def _emit(values: list[tuple[Metric, float]]) -> None:
    for metric, value in values:
        add(metric, value)
    # At once: the end of the invocation, which flushes too, is minutes away.
    flush("relay_measured")
