"""One invocation of the relay, from its first read of the lease until it has handed over and finished."""

from __future__ import annotations

import asyncio
import time
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Literal

from redis.exceptions import RedisError

from realtime_core.aws.backoff import delay
from realtime_core.errors import StoreUnavailable
from realtime_core.telemetry.logs import get_logger
from redis_relay.batching import EventBatcher, items_in_work
from redis_relay.broadcast_client import REASON_CHARS_MAX, PublishResult, PublishStatus
from redis_relay.channels import ChannelForwarder
from redis_relay.connection import cancel, first_completed, not_cancelled
from redis_relay.dead_letters import DeadLetterWriter
from redis_relay.lease_holder import LeaseHolder
from redis_relay.run_report import RunReport
from redis_relay.stream import StreamConsumer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Executor

    from redis.asyncio import Redis

    from realtime_core.telemetry.metric_catalog import Metric
    from redis_relay.broadcast_client import BroadcastClient
    from redis_relay.settings import Timings

log = get_logger(__name__)

STEADY_SECONDS = 10.0
"""A connection that lasted this long resets the count of failures."""


class Relay:
    """Relays once. `connect` creates a client of Redis; `pool` runs the calls of `broadcast`.

    `emit` publishes metrics; `parallel` is how many calls of `broadcast` run at a time for each source.
    """

    def __init__(
        self,
        connect: Callable[[], Redis],
        broadcast: BroadcastClient,
        pool: Executor,
        timings: Timings,
        *,
        parallel: int,
        emit: Callable[[list[tuple[Metric, float]]], None],
    ) -> None:
        self.holder = uuid.uuid4().hex
        self.report = RunReport()
        self._connect, self._broadcast, self._pool, self._timings = connect, broadcast, pool, timings
        self._emit = emit
        self._dead_letters = DeadLetterWriter(self.report)
        self._channels = ChannelForwarder(
            EventBatcher(self._publish_all, parallel),
            self._dead_letters,
            self.report,
            items_in_work(parallel),
        )
        self._stream = StreamConsumer(
            EventBatcher(self._publish_all, parallel),
            self.report,
            self.holder,
            timings,
            items_in_work(parallel),
        )
        self._ends_at = time.monotonic() + timings.relay
        self._lease_holder = LeaseHolder(self.holder, self._channels, timings, self._ends_at)

    async def run(self) -> Literal["busy", "relayed"]:
        """Relay until a successor takes over or the time is up; `busy` if another invocation relays.

        Survives outages of Redis. Finishes what is in work at the end, for at most `drain` seconds. Where a
        worker dies, records what was accepted, frees the lease for a successor, and raises its error.
        """
        relaying = asyncio.create_task(self._stay_connected())
        forwarding = asyncio.create_task(self._channels.run())
        measuring = asyncio.create_task(self._publish_metrics())
        busy = False
        try:
            await first_completed(relaying, forwarding, measuring)
            busy = not relaying.result()
            if not busy:
                with suppress(TimeoutError):
                    drained = first_completed(self._channels.drain(), forwarding)
                    await asyncio.wait_for(drained, self._timings.drain)
                await self._end()
        except Exception:
            log.exception("relay_failed")
            await cancel(relaying, forwarding)
            await self._end()
            raise
        finally:
            await cancel(relaying, forwarding, measuring)
            if not busy:  # a busy one does not know the lag of the invocation that relays
                self._emit(self.report.take_metrics())
        return "busy" if busy else "relayed"

    async def _stay_connected(self) -> bool:
        """Relay over one connection after another. Returns False if another invocation relays."""
        failures = 0
        while time.monotonic() < self._ends_at and not self._lease_holder.finished and not_cancelled():
            started = time.monotonic()
            redis = self._connect()
            try:
                if not await self._lease_holder.needed(redis):
                    return False
                await self._relay(redis)
            except (RedisError, OSError, TimeoutError, StoreUnavailable) as error:
                self.report.redis_failures += 1
                failures = 1 if time.monotonic() - started > STEADY_SECONDS else failures + 1
                log.warning("redis_failed", reason=f"{type(error).__name__}: {error}", failures=failures)
                await asyncio.sleep(delay(failures, cap=self._timings.reconnect_cap))
            finally:
                with suppress(RedisError, OSError):
                    await redis.aclose()
        return True

    async def _relay(self, redis: Redis) -> None:
        """Relay over one connection until the hand-over, and finish. Raises what ends it earlier."""
        streaming = asyncio.create_task(self._stream.run(redis))
        others = [
            asyncio.create_task(work)
            for work in (self._stream.maintain(redis), self._dead_letters.run(redis))
        ]
        try:
            await first_completed(self._lease_holder.run(redis), streaming, *others)

            log.info("relay_ends", taken_over=self._lease_holder.finished)
            self._stream.stop()
            with suppress(TimeoutError):
                await asyncio.wait_for(first_completed(streaming, *others), self._timings.drain)
        finally:
            await cancel(streaming, *others)

    async def _end(self) -> None:
        """Record what is unfinished as lost and free the lease, over a connection of its own.

        Logs if that fails; the lease ends by itself.
        """
        self._channels.lose_unfinished()
        redis = self._connect()
        try:
            await self._dead_letters.flush(redis)
            await self._lease_holder.release(redis)
        except (RedisError, OSError, StoreUnavailable) as error:
            log.warning("dead_letters_not_written", reason=f"{type(error).__name__}: {error}")
        finally:
            with suppress(RedisError, OSError):
                await redis.aclose()

    async def _publish_all(self, events: Sequence[bytes]) -> list[PublishResult]:
        """Publish events in a thread. Raises if there is none to be had, which ends the relay."""
        loop = asyncio.get_running_loop()
        publishing = loop.run_in_executor(self._pool, self._broadcast.publish_all, events)
        try:
            return await publishing
        except Exception as error:
            # A fault of ours, perhaps due to this event: if it ended the worker, every relay would die of it.
            log.exception("publish_failed")
            reason = f"{type(error).__name__}: {error}"[:REASON_CHARS_MAX]
            return [PublishResult(PublishStatus.FAULT, reason) for _ in events]

    async def _publish_metrics(self) -> None:
        while not_cancelled():
            await asyncio.sleep(self._timings.metrics)
            self.report.channel_lag = self._channels.lag()
            try:
                self._emit(self.report.take_metrics())
            except Exception:
                log.exception("metrics_not_published")
