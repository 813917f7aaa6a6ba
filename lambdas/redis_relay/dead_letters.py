"""The dead-letter stream: events that could not be published, with the reason. It keeps the newest."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from redis.exceptions import OutOfMemoryError

from realtime_core.telemetry.logs import get_logger
from redis_relay.connection import not_cancelled
from redis_relay.settings import DEAD_LETTERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from redis.asyncio import Redis
    from redis.asyncio.client import Pipeline

    from redis_relay.run_report import RunReport

log = get_logger(__name__)

KEPT = 10_000
"""About how many dead letters the stream keeps; Redis removes the oldest."""
EVENT_BYTES_KEPT = 65_536
WAITING_MAX = 1_000
WAITING_BYTES_MAX = 16 * 1024 * 1024
"""Dead letters of channel messages that wait while Redis refuses them, and their events together, in a
function of 256 MB; there is nowhere else to keep them."""
RETRY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One event that was not published; `source` is the stream or the channel that it came from."""

    source: str
    event: bytes
    reason: str
    problems: tuple[Mapping[str, str], ...] = ()
    tries: int = 0
    entry_id: str = ""

    def fields(self) -> dict[str, str | bytes | int]:
        """The fields of its entry; `event` is truncated if it is very large, and `bytes` is its full size."""
        return {
            "source": self.source,
            "id": self.entry_id,
            "reason": self.reason,
            "problems": json.dumps(self.problems, separators=(",", ":")),
            "tries": self.tries,
            "at": int(time.time() * 1000),
            "bytes": len(self.event),
            "event": self.event[:EVENT_BYTES_KEPT],
        }


def add_dead_letter(pipe: Pipeline, dead_letter: DeadLetter) -> None:
    """Add a dead letter to the stream when the pipeline executes."""
    pipe.xadd(DEAD_LETTERS, dead_letter.fields(), maxlen=KEPT, approximate=True)  # type: ignore[arg-type]


class DeadLetterWriter:
    """Writes the dead letters of channel messages as soon as Redis accepts them."""

    def __init__(self, report: RunReport) -> None:
        self._report = report
        self._waiting: deque[DeadLetter] = deque()
        self._bytes = 0
        self._added = asyncio.Event()

    def add(self, dead_letter: DeadLetter) -> None:
        """Queue a dead letter to be written; the oldest that wait make room."""
        # The log has every one, even those that Redis never accepts. It leaves out the event's content.
        log.warning("channel_message_put_aside", channel=dead_letter.source, reason=dead_letter.reason)
        self._report.dead_lettered += 1
        self._waiting.append(dead_letter)
        self._bytes += len(dead_letter.event)
        while len(self._waiting) > 1 and (
            len(self._waiting) > WAITING_MAX or self._bytes > WAITING_BYTES_MAX
        ):
            self._take()
        self._added.set()

    async def run(self, redis: Redis) -> None:
        """Write dead letters as they are added, until cancelled. Raises RedisError, and keeps the rest."""
        while not_cancelled():
            await self._added.wait()
            try:
                await self.flush(redis)
                self._added.clear()
            except OutOfMemoryError:
                await asyncio.sleep(RETRY_SECONDS)

    async def flush(self, redis: Redis) -> None:
        """Write all that wait. Raises RedisError."""
        while self._waiting:
            # Taken first: what is added meanwhile may push out the oldest.
            dead_letter = self._take()
            try:
                async with redis.pipeline(transaction=True) as pipe:
                    add_dead_letter(pipe, dead_letter)
                    await pipe.execute()
            except BaseException:
                self._waiting.appendleft(dead_letter)
                self._bytes += len(dead_letter.event)
                raise

    def _take(self) -> DeadLetter:
        dead_letter = self._waiting.popleft()
        self._bytes -= len(dead_letter.event)
        return dead_letter
