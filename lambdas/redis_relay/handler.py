"""Lambda that a schedule starts each minute; one invocation relays, for minutes, the others end at once."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Any

from realtime_core.adapters.aws_lambda import lambda_client
from realtime_core.aws.client import client
from realtime_core.redis.login import NoCredentials, credentials_provider
from realtime_core.settings import read
from realtime_core.telemetry.configuration import configure
from realtime_core.telemetry.logs import get_logger
from realtime_core.telemetry.metrics import add, flush, measured
from redis_relay.broadcasting import BroadcastFunction
from redis_relay.connecting import connect
from redis_relay.relay import Relay
from redis_relay.settings import Settings
from redis_relay.times import Times

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from realtime_core.telemetry.metric_catalog import Metric

log = get_logger(__name__)
configure(os.environ)

RESERVE_SECONDS = 5.0
"""Kept of the function's time."""
BROADCAST_SECONDS = 65.0
"""How long to wait for `broadcast`, which has 60 s."""


@cache
def _broadcast() -> BroadcastFunction:
    # Whoever hands an event over tries again itself, and knows for how long.
    functions = lambda_client(read_timeout=BROADCAST_SECONDS, attempts=1)
    return BroadcastFunction(functions, read(Settings, os.environ).broadcast_function)


def _connect() -> Redis:
    settings = read(Settings, os.environ)
    # Made anew for each connection: a password that was refused may have been rotated.
    login = credentials_provider(settings, lambda: client("secretsmanager"))
    return connect(settings.address, None if isinstance(login, NoCredentials) else login)


def _emit(values: list[tuple[Metric, float]]) -> None:
    # Now, and not at the end of the invocation, which is minutes away.
    for metric, value in values:
        add(metric, value)
    flush("relay_measured")


def handler(_event: object, context: Any) -> dict[str, Any]:
    """Relay until a successor takes over; the answer says how it went."""
    with measured("relay_measured", correlationId=context.aws_request_id):
        settings = read(Settings, os.environ)
        left = context.get_remaining_time_in_millis() / 1000 - RESERVE_SECONDS
        drain = min(Times.drain, left / 4)
        times = Times(
            relay=min(settings.relay_seconds, left - drain),
            drain=drain,
            stream_keep=settings.stream_keep_seconds,
        )
        with ThreadPoolExecutor(2 * settings.relay_parallel) as pool:
            relay = Relay(
                _connect, _broadcast(), pool, times, parallel=settings.relay_parallel,
                emit=_emit,
            )  # fmt: skip
            outcome = asyncio.run(relay.run())
        log.info("relay_ended", outcome=outcome)
        return {"outcome": outcome}
