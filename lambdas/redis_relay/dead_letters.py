"""What could not be published, kept with the reason in a stream of its own that holds the newest of them."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from redis.exceptions import OutOfMemoryError

from realtime_core.logs import get_logger
from redis_relay.names import DEAD_LETTERS
from redis_relay.tasks import going_on

if TYPE_CHECKING:
    from collections.abc import Mapping

    from redis.asyncio import Redis
    from redis.asyncio.client import Pipeline

    from redis_relay.run_report import Tally

log = get_logger(__name__)

KEPT = 10_000
"""About as many dead letters stay; then the oldest go."""
EVENT_BYTES_KEPT = 65_536
WAITING_MAX = 1_000
"""Of channels' messages, while Redis does not take them; there is nowhere else to put these."""
RETRY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One event that was put aside; `source` is the stream or the channel that it came by."""

    source: str
    event: bytes
    reason: str
    problems: tuple[Mapping[str, str], ...] = ()
    tries: int = 0
    entry_id: str = ""

    def fields(self) -> dict[str, str | bytes | int]:
        """The fields of its entry; `event` is cut where it is very large, and `bytes` its size."""
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


def write(pipe: Pipeline, letter: DeadLetter) -> None:
    """Add it to what a pipeline will do."""
    pipe.xadd(DEAD_LETTERS, letter.fields(), maxlen=KEPT, approximate=True)  # type: ignore[arg-type]


class Records:
    """Dead letters of channels' messages, written as soon as Redis takes them."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._waiting: deque[DeadLetter] = deque(maxlen=WAITING_MAX)
        self._news = asyncio.Event()

    def add(self, letter: DeadLetter) -> None:
        """Have it written."""
        # The log tells of every one, also of those that never get into Redis. What it says stays out of it.
        log.warning("channel_message_put_aside", channel=letter.source, reason=letter.reason)
        self._tally.dead_lettered += 1
        self._waiting.append(letter)
        self._news.set()

    async def write_on(self, redis: Redis) -> None:
        """Write them as they come, until cancelled. Raises RedisError, and keeps what was not written."""
        while going_on():
            await self._news.wait()
            try:
                await self.flush(redis)
                self._news.clear()
            except OutOfMemoryError:
                await asyncio.sleep(RETRY_SECONDS)

    async def flush(self, redis: Redis) -> None:
        """Write all that wait."""
        while self._waiting:
            async with redis.pipeline(transaction=True) as pipe:
                write(pipe, self._waiting[0])
                await pipe.execute()
            self._waiting.popleft()
