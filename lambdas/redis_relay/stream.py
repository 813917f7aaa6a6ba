"""The stream: at least once, by a consumer group. It needs no lease: the group gives each entry to one."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from realtime_core.aws.backoff import delay
from realtime_core.telemetry.logs import get_logger
from realtime_core.wire.strict_json import dumps
from redis.exceptions import OutOfMemoryError, ResponseError

from realtime_core.errors import ValidationFailed
from redis_relay.broadcasting import Answer, Verdict
from redis_relay.dead_letters import DeadLetter, write
from redis_relay.incoming import from_entry
from redis_relay.names import FAULTS, GROUP, STREAM
from redis_relay.tasks import going_on
from redis_relay.trimming import dismiss, dismiss_idle, trim

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from redis.asyncio import Redis

    from redis_relay.tally import Tally
    from redis_relay.times import Times

log = get_logger(__name__)

FAULTS_MAX = 5
"""Tries on which `broadcast` fails before an entry is put aside."""
WINDOW = 4
"""Entries held for each that may be with `broadcast`: some wait for another try, and stop nobody."""
BLOCK_MS = 500
LONG_IDLE_MS = 24 * 60 * 60 * 1000
"""How idle an entry is said to be that anybody may claim at once."""

Entry = tuple[bytes, dict[bytes, bytes] | None]


class Stream:
    """Reads, forwards and acknowledges the entries, as the consumer `consumer`."""

    def __init__(
        self,
        publish: Callable[[bytes], Awaitable[Answer]],
        tally: Tally,
        consumer: str,
        times: Times,
        parallel: int,
    ) -> None:
        self._publish, self._tally, self._consumer, self._times = publish, tally, consumer, times
        self._slots = asyncio.Semaphore(parallel)
        self._window_max = parallel * WINDOW
        self._window: dict[bytes, asyncio.Task[None]] = {}
        self._claimed_to = b"0-0"
        self._room = asyncio.Event()
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Read no more, and try nothing again; what is with `broadcast` is waited for."""
        self._stopping.set()

    async def run(self, redis: Redis) -> None:
        """Forward until stopped, then give back what is left. Raises RedisError, and may be run again."""
        try:
            await _ensure_group(redis)
            async with asyncio.TaskGroup() as group:
                await self._read(redis, group)
            if self._stopping.is_set():
                await self._give_back(redis)
        finally:
            self._window.clear()

    async def tend(self, redis: Redis) -> None:
        """Take on what dead consumers left, remove those, trim, and measure; until cancelled."""
        while going_on():
            try:
                await dismiss_idle(redis, self._times.consumer_idle)
                await trim(redis, self._times.stream_keep)
                self._tally.stream_lag = await _lag(redis)
            except ResponseError as error:
                if not _group_is_missing(error):  # the reader makes it anew
                    raise
            await asyncio.sleep(self._times.tend)

    async def _read(self, redis: Redis, group: asyncio.TaskGroup) -> None:
        """Fill the window: what is pending for us from before, what others left, and what is new."""
        mine: bytes | None = b"0"
        claim_at = time.monotonic()
        while not self._stopping.is_set() and going_on():
            free = self._window_max - len(self._window)
            if free <= 0:
                self._room.clear()
                await self._room.wait()
                continue
            try:
                if mine is not None:
                    entries = await _read_group(redis, self._consumer, mine, free)
                    mine = entries[-1][0] if entries else None
                elif time.monotonic() >= claim_at:
                    entries = await self._claim(redis, free)
                    claim_at = time.monotonic() + (self._times.tend if self._claimed_to == b"0-0" else 0)
                else:
                    entries = await _read_group(redis, self._consumer, b">", free, BLOCK_MS)
            except ResponseError as error:
                if not _group_is_missing(error):
                    raise
                log.warning("stream_group_missing", reason=str(error))
                await _ensure_group(redis)
                continue
            self._start(redis, group, entries)

    def _start(self, redis: Redis, group: asyncio.TaskGroup, entries: Iterable[Entry]) -> None:
        for entry_id, fields in entries:
            if entry_id not in self._window:
                self._window[entry_id] = group.create_task(self._carry(redis, entry_id, fields))

    async def _claim(self, redis: Redis, count: int) -> list[Entry]:
        idle = int(self._times.claim_idle * 1000)
        # Redis returns this consumer's own idle entries too. One that is settled while the answer is on its
        # way has left the window by then, and would be published, and counted, from the beginning.
        held = set(self._window)
        answer = await redis.xautoclaim(STREAM, GROUP, self._consumer, idle, self._claimed_to, count)
        self._claimed_to = answer[0]
        entries: list[Entry] = [entry for entry in answer[1] if entry[0] not in held]
        if entries:
            log.info("stream_entries_claimed", entries=len(entries))
        return entries

    async def _carry(self, redis: Redis, entry_id: bytes, fields: dict[bytes, bytes] | None) -> None:
        try:
            if fields is None:  # somebody deleted it while it was pending
                await self._done(redis, entry_id)
                return
            await self._forward(redis, entry_id, fields)
        finally:
            self._window.pop(entry_id, None)
            self._room.set()

    async def _forward(self, redis: Redis, entry_id: bytes, fields: dict[bytes, bytes]) -> None:
        tries, answer = 0, None
        while not self._stopping.is_set() and going_on():
            if answer is None:
                answer = await self._answer(entry_id, fields)
            tries += 1
            try:
                if await self._settle(redis, entry_id, fields, answer):
                    return
                answer = None
            except OutOfMemoryError:  # what the answer asks for is tried again, not the event
                log.warning("redis_out_of_memory", entryId=entry_id.decode())
            with suppress(TimeoutError):
                await asyncio.wait_for(
                    self._stopping.wait(), delay(tries, self._times.retry_base, self._times.retry_cap)
                )

    async def _answer(self, entry_id: bytes, fields: dict[bytes, bytes]) -> Answer:
        try:
            event = from_entry(entry_id, fields)
        except ValidationFailed as error:
            return Answer(Verdict.REJECTED, error.message, tuple(error.details))
        async with self._slots:
            if self._stopping.is_set():
                return Answer(Verdict.UNAVAILABLE, "the relay ends")
            return await self._publish(event)

    async def _settle(
        self, redis: Redis, entry_id: bytes, fields: dict[bytes, bytes], answer: Answer
    ) -> bool:
        """Do what the answer asks for; whether the entry is done with."""
        if answer.verdict is Verdict.ACCEPTED:
            await self._done(redis, entry_id)
            self._tally.forwarded += 1
            return True
        if answer.verdict is Verdict.UNAVAILABLE:
            log.warning("broadcast_unavailable", entryId=entry_id.decode(), reason=answer.reason)
            return False
        faults = 0
        if answer.verdict is Verdict.FAULT:
            # In Redis, so that whoever claims the entry goes on counting.
            faults = int(await redis.hincrby(FAULTS, entry_id.decode(), 1))
            if faults < FAULTS_MAX:
                log.warning(
                    "broadcast_failed", entryId=entry_id.decode(), reason=answer.reason, faults=faults
                )
                return False
        else:
            self._tally.rejected += 1
        letter = DeadLetter(
            STREAM, _event_of(fields), answer.reason, answer.problems, faults, entry_id.decode()
        )
        await self._done(redis, entry_id, letter)
        self._tally.dead_lettered += 1
        log.warning("stream_entry_put_aside", entryId=letter.entry_id, reason=letter.reason)
        return True

    async def _done(self, redis: Redis, entry_id: bytes, letter: DeadLetter | None = None) -> None:
        """Acknowledge an entry, in one step with its dead letter where it has one."""
        # Without a letter nothing is added, and it works when Redis is out of memory, as MULTI does not.
        async with redis.pipeline(transaction=letter is not None) as pipe:
            if letter is not None:
                write(pipe, letter)
            pipe.xack(STREAM, GROUP, entry_id)
            pipe.hdel(FAULTS, entry_id.decode())
            await pipe.execute()

    async def _give_back(self, redis: Redis) -> None:
        """Let whoever comes next claim at once what is pending for us, and leave the group if nothing is."""
        try:
            left = await redis.xpending_range(STREAM, GROUP, "-", "+", 1_000, consumername=self._consumer)
            if left:
                ids: list[Any] = [one["message_id"] for one in left]
                await redis.xclaim(STREAM, GROUP, self._consumer, 0, ids, idle=LONG_IDLE_MS, justid=True)
            await dismiss(redis, self._consumer)
        except ResponseError as error:
            if not _group_is_missing(error):
                raise


def _event_of(fields: dict[bytes, bytes]) -> bytes:
    """What a dead letter keeps of an entry: its event or, where it has none, its fields."""
    if b"event" in fields:
        return fields[b"event"]
    return dumps({name.decode(errors="replace"): value.decode(errors="replace")
                  for name, value in fields.items()}).encode()  # fmt: skip


def _group_is_missing(error: ResponseError) -> bool:
    """Whether it went with a flushed or deleted stream; a reader that was waiting is told as UNBLOCKED."""
    return any(sign in str(error) for sign in ("NOGROUP", "UNBLOCKED", "no such key"))


async def _ensure_group(redis: Redis) -> None:
    """Make the group, and the stream, where they are missing; it begins with whatever the stream holds."""
    try:
        await redis.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
    except ResponseError as error:
        if not str(error).startswith("BUSYGROUP"):
            raise


async def _read_group(
    redis: Redis, consumer: str, after: bytes, count: int, block_ms: int | None = None
) -> list[Entry]:
    answer: Any = await redis.xreadgroup(
        GROUP, consumer, {STREAM: after.decode()}, count=count, block=block_ms
    )
    return list(answer[0][1]) if answer else []


async def _lag(redis: Redis) -> float:
    """The age in seconds of the oldest entry that our group is not done with."""
    for group in await redis.xinfo_groups(STREAM):
        if group["name"] != GROUP.encode():
            continue
        if group["pending"]:
            oldest = (await redis.xpending(STREAM, GROUP))["min"]
        else:
            new = await redis.xrange(STREAM, "(" + group["last-delivered-id"].decode(), "+", 1)
            oldest = new[0][0] if new else None
        if oldest is not None:
            return max(0.0, time.time() - int(oldest.partition(b"-")[0]) / 1000)
    return 0.0
