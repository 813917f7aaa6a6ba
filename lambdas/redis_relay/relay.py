"""One invocation of the relay, from its first look at the lease until it has handed over and finished."""

from __future__ import annotations

import asyncio
import time
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Literal

from redis.exceptions import RedisError

from realtime_core.adapters.backoff import delay
from realtime_core.errors import StoreUnavailable
from realtime_core.logs import get_logger
from redis_relay.channels import Channels
from redis_relay.dead_letters import Records
from redis_relay.lease_holder import Holding
from redis_relay.run_report import Tally
from redis_relay.stream import Stream
from redis_relay.tasks import end, first_of, going_on

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor

    from redis.asyncio import Redis

    from realtime_core.metric_catalog import Metric
    from redis_relay.broadcast_client import Answer, Broadcast
    from redis_relay.times import Times

log = get_logger(__name__)

STEADY_SECONDS = 10.0
"""After a session of this length, the next one that fails is the first of a row again."""


class Relay:
    """Relays once, and is done. `connect` makes a client of Redis; `pool` runs the calls of `broadcast`."""

    def __init__(
        self,
        connect: Callable[[], Redis],
        broadcast: Broadcast,
        pool: Executor,
        times: Times,
        *,
        parallel: int,
        emit: Callable[[list[tuple[Metric, float]]], None],
    ) -> None:
        self.holder = uuid.uuid4().hex
        self.tally = Tally()
        self._connect, self._broadcast, self._pool, self._times = connect, broadcast, pool, times
        self._emit = emit
        self._records = Records(self.tally)
        self._channels = Channels(self._publish, self._records, self.tally, parallel)
        self._stream = Stream(self._publish, self.tally, self.holder, times, parallel)
        self._ends_at = time.monotonic() + times.relay
        self._holding = Holding(self.holder, self._channels, times, self._ends_at)

    async def run(self) -> Literal["busy", "relayed"]:
        """Relay until a successor has taken over or the time is up; `busy` where another one relays.

        Redis may come and go meanwhile. What is under way at the end is finished, for `drain` seconds.
        """
        forwarding = asyncio.create_task(self._channels.forward())
        measuring = asyncio.create_task(self._measure())
        busy = False
        try:
            busy = not await self._sessions()
            if busy:
                return "busy"
            with suppress(TimeoutError):
                await asyncio.wait_for(self._channels.drained(), self._times.drain)
            self._channels.abandon()
            await self._last_words()
            return "relayed"
        finally:
            await end(forwarding, measuring)
            if not busy:  # it knows nothing of how late the one that relays is
                self._emit(self.tally.metrics())

    async def _sessions(self) -> bool:
        """Relay over one connection after the other; False where another invocation relays."""
        failures = 0
        while time.monotonic() < self._ends_at and not self._holding.over and going_on():
            started = time.monotonic()
            redis = self._connect()
            try:
                if not await self._holding.wanted(redis):
                    return False
                await self._session(redis)
            except (RedisError, OSError, TimeoutError, StoreUnavailable) as error:
                self.tally.redis_failures += 1
                failures = 1 if time.monotonic() - started > STEADY_SECONDS else failures + 1
                log.warning("redis_failed", reason=f"{type(error).__name__}: {error}", failures=failures)
                await asyncio.sleep(delay(failures, cap=self._times.reconnect_cap))
            finally:
                with suppress(RedisError, OSError):
                    await redis.aclose()
        return True

    async def _session(self, redis: Redis) -> None:
        """Relay until the channels are somebody else's, and finish. Raises whatever ends it before that."""
        streaming = asyncio.create_task(self._stream.run(redis))
        others = [
            asyncio.create_task(work) for work in (self._stream.tend(redis), self._records.write_on(redis))
        ]
        try:
            await first_of(self._holding.hold(redis), streaming, *others)
            log.info("relay_ends", taken_over=self._holding.over)
            self._stream.stop()
            with suppress(TimeoutError):
                await asyncio.wait_for(first_of(streaming, *others), self._times.drain)
        finally:
            await end(streaming, *others)

    async def _last_words(self) -> None:
        """Write the dead letters that were left."""
        redis = self._connect()
        try:
            await self._records.flush(redis)
        except (RedisError, OSError, StoreUnavailable) as error:
            log.warning("dead_letters_not_written", reason=f"{type(error).__name__}: {error}")
        finally:
            with suppress(RedisError, OSError):
                await redis.aclose()

    async def _publish(self, event: bytes) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._broadcast.publish, event)

    async def _measure(self) -> None:
        while True:
            await asyncio.sleep(self._times.metrics)
            self.tally.channel_lag = self._channels.lag()
            self._emit(self.tally.metrics())
