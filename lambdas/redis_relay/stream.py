"""Forwards the stream's entries to `broadcast`: at least once, by a consumer group.

The stream needs no lease: the group gives each entry to one consumer.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from redis.exceptions import OutOfMemoryError, ResponseError

from realtime_core.aws.backoff import delay
from realtime_core.errors import ValidationFailed
from realtime_core.telemetry.logs import get_logger
from realtime_core.wire.strict_json import dumps
from redis_relay.broadcast_client import PublishResult, PublishStatus
from redis_relay.connection import not_cancelled
from redis_relay.dead_letters import DeadLetter, add_dead_letter
from redis_relay.events import from_entry
from redis_relay.settings import FAULTS, GROUP, STREAM
from redis_relay.stream_maintenance import (
    delete_consumer,
    delete_idle_consumers,
    ensure_group,
    is_group_missing,
    stream_lag,
    trim,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from redis.asyncio import Redis

    from redis_relay.batching import EventBatcher
    from redis_relay.run_report import RunReport
    from redis_relay.settings import Timings

log = get_logger(__name__)

FAULTS_MAX = 5
"""Faults of `broadcast` on one entry before it becomes a dead letter."""
BLOCK_MS = 500
LONG_IDLE_MS = 24 * 60 * 60 * 1000
"""Idle time to set on an entry so that any consumer may claim it at once."""

Entry = tuple[bytes, dict[bytes, bytes] | None]


class StreamConsumer:
    """Reads, forwards and acknowledges entries, as the consumer `consumer` of the group.

    Up to `window` entries are in work: those that wait for a retry hold up no others.
    """

    def __init__(
        self,
        batcher: EventBatcher,
        report: RunReport,
        consumer: str,
        timings: Timings,
        window: int,
    ) -> None:
        self._batcher, self._report, self._consumer, self._timings = batcher, report, consumer, timings
        self._window_max = window
        self._window: dict[bytes, asyncio.Task[None]] = {}
        self._claim_cursor = b"0-0"
        self._room = asyncio.Event()
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Read no more and retry nothing; `run` still waits for what `broadcast` is publishing."""
        self._stopping.set()
        self._batcher.stop()

    async def run(self, redis: Redis) -> None:
        """Forward until stopped, then give up what is pending. Raises RedisError, and may be called again."""
        try:
            await ensure_group(redis)
            async with asyncio.TaskGroup() as group:
                await self._read(redis, group)
            if self._stopping.is_set():
                await self._give_up_pending(redis)
        finally:
            self._window.clear()

    async def maintain(self, redis: Redis) -> None:
        """Delete dead consumers, trim the stream and measure its lag, until cancelled. Raises RedisError."""
        while not_cancelled():
            try:
                await delete_idle_consumers(redis, self._timings.consumer_idle)
                await trim(redis, self._timings.stream_keep)
                self._report.stream_lag = await stream_lag(redis)
            except ResponseError as error:
                if not is_group_missing(error):  # the reader creates it again
                    raise
            await asyncio.sleep(self._timings.maintain)

    async def _read(self, redis: Redis, group: asyncio.TaskGroup) -> None:
        """Fill the window with our own pending entries first, then claimed ones, then new ones."""
        pending_after: bytes | None = b"0"
        claim_at = time.monotonic()
        while not self._stopping.is_set() and not_cancelled():
            free = self._window_max - len(self._window)
            if free <= 0:
                self._room.clear()
                await self._room.wait()
                continue

            try:
                if pending_after is not None:
                    entries = await _read_group(redis, self._consumer, pending_after, free)
                    pending_after = entries[-1][0] if entries else None
                elif time.monotonic() >= claim_at:
                    entries = await self._claim(redis, free)
                    # Cursor 0-0 says that the claim has seen every pending entry.
                    pause = self._timings.maintain if self._claim_cursor == b"0-0" else 0
                    claim_at = time.monotonic() + pause
                else:
                    entries = await _read_group(redis, self._consumer, b">", free, BLOCK_MS)
            except ResponseError as error:
                if not is_group_missing(error):
                    raise
                log.warning("stream_group_missing", reason=str(error))
                await ensure_group(redis)
                continue

            self._start(redis, group, entries)

    def _start(self, redis: Redis, group: asyncio.TaskGroup, entries: Iterable[Entry]) -> None:
        for entry_id, fields in entries:
            if entry_id not in self._window:
                self._window[entry_id] = group.create_task(self._process(redis, entry_id, fields))

    async def _claim(self, redis: Redis, count: int) -> list[Entry]:
        """Take over entries that other consumers have left pending for too long."""
        idle = int(self._timings.claim_idle * 1000)
        # Redis returns this consumer's own idle entries too. One that is settled while the answer is on its
        # way has left the window by then, and would be published, and counted, from the beginning.
        held = set(self._window)
        answer = await redis.xautoclaim(STREAM, GROUP, self._consumer, idle, self._claim_cursor, count)
        self._claim_cursor = answer[0]
        entries: list[Entry] = [entry for entry in answer[1] if entry[0] not in held]
        if entries:
            log.info("stream_entries_claimed", entries=len(entries))
        return entries

    async def _process(self, redis: Redis, entry_id: bytes, fields: dict[bytes, bytes] | None) -> None:
        try:
            if fields is None:  # it was deleted while it was pending
                await self._acknowledge(redis, entry_id)
                return
            await self._forward(redis, entry_id, fields)
        finally:
            self._window.pop(entry_id, None)
            self._room.set()

    async def _forward(self, redis: Redis, entry_id: bytes, fields: dict[bytes, bytes]) -> None:
        """Publish an entry until it is acknowledged, or the consumer stops."""
        tries, result = 0, None
        while not self._stopping.is_set() and not_cancelled():
            if result is None:
                result = await self._publish_entry(entry_id, fields)
            tries += 1

            try:
                if await self._settle(redis, entry_id, fields, result):
                    return
                result = None
            except OutOfMemoryError:  # settle again, without publishing the event again
                log.warning("redis_out_of_memory", entryId=entry_id.decode())

            pause = delay(tries, self._timings.retry_base, self._timings.retry_cap)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)

    async def _publish_entry(self, entry_id: bytes, fields: dict[bytes, bytes]) -> PublishResult:
        try:
            events = from_entry(entry_id, fields)
        except ValidationFailed as error:
            return PublishResult(PublishStatus.REJECTED, error.message, tuple(error.details))
        except Exception as error:
            # A fault of ours: if it ended the reader, every relay would die of this entry.
            log.exception("stream_entry_failed", entryId=entry_id.decode())
            return PublishResult(PublishStatus.FAULT, f"the relay failed on it: {type(error).__name__}")
        return await self._batcher.publish(events)

    async def _settle(
        self, redis: Redis, entry_id: bytes, fields: dict[bytes, bytes], result: PublishResult
    ) -> bool:
        """Acknowledge the entry or count its fault, by the result. Returns False if it needs a retry."""
        if result.status is PublishStatus.ACCEPTED:
            await self._acknowledge(redis, entry_id)
            self._report.forwarded += 1
            return True
        if result.status is PublishStatus.UNAVAILABLE:
            log.warning("broadcast_unavailable", entryId=entry_id.decode(), reason=result.reason)
            return False

        faults = 0
        if result.status is PublishStatus.FAULT:
            # Counted in Redis, so that another consumer that claims the entry continues the count.
            faults = int(await redis.hincrby(FAULTS, entry_id.decode(), 1))
            if faults < FAULTS_MAX:
                log.warning(
                    "broadcast_failed", entryId=entry_id.decode(), reason=result.reason, faults=faults
                )
                return False
        else:
            self._report.rejected += 1

        dead_letter = DeadLetter(
            STREAM, _event_text(fields), result.reason, result.problems, faults, entry_id.decode()
        )
        await self._acknowledge(redis, entry_id, dead_letter)
        self._report.dead_lettered += 1
        log.warning("stream_entry_put_aside", entryId=dead_letter.entry_id, reason=dead_letter.reason)
        return True

    async def _acknowledge(
        self, redis: Redis, entry_id: bytes, dead_letter: DeadLetter | None = None
    ) -> None:
        """Acknowledge an entry, in one transaction with its dead letter if it has one."""
        # Without a dead letter nothing is added, so it works when Redis is out of memory; MULTI would not.
        async with redis.pipeline(transaction=dead_letter is not None) as pipe:
            if dead_letter is not None:
                add_dead_letter(pipe, dead_letter)
            pipe.xack(STREAM, GROUP, entry_id)
            pipe.hdel(FAULTS, entry_id.decode())
            await pipe.execute()

    async def _give_up_pending(self, redis: Redis) -> None:
        """Let the next consumer claim our pending entries at once, and leave the group if there are none."""
        try:
            left = await redis.xpending_range(STREAM, GROUP, "-", "+", 1_000, consumername=self._consumer)
            if left:
                ids: list[Any] = [entry["message_id"] for entry in left]
                await redis.xclaim(STREAM, GROUP, self._consumer, 0, ids, idle=LONG_IDLE_MS, justid=True)
            await delete_consumer(redis, self._consumer)
        except ResponseError as error:
            if not is_group_missing(error):
                raise


def _event_text(fields: dict[bytes, bytes]) -> bytes:
    """What a dead letter keeps of an entry: its event or, if it has none, its fields as JSON."""
    if b"event" in fields:
        return fields[b"event"]
    return dumps({name.decode(errors="replace"): value.decode(errors="replace")
                  for name, value in fields.items()}).encode()  # fmt: skip


async def _read_group(
    redis: Redis, consumer: str, after: bytes, count: int, block_ms: int | None = None
) -> list[Entry]:
    answer: Any = await redis.xreadgroup(
        GROUP, consumer, {STREAM: after.decode()}, count=count, block=block_ms
    )
    return list(answer[0][1]) if answer else []
