"""What came by channels, on its way to `broadcast`: at most once, since pub/sub promises no more."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from realtime_core.adapters.backoff import delay
from realtime_core.errors import ValidationFailed
from redis_relay.broadcast_client import Verdict
from redis_relay.dead_letters import DeadLetter, Records
from redis_relay.events import EVENT_BYTES_MAX, from_channel

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from redis_relay.broadcast_client import Answer
    from redis_relay.run_report import Tally

MESSAGES_MAX = 10_000
BYTES_MAX = 32 * 1024 * 1024
"""What waits for `broadcast` at most; of a function with 256 MB, and what comes beyond it is lost."""
RETRY_WITHIN_SECONDS = 30.0
"""How long one message is tried again; the others wait meanwhile."""


@dataclass(frozen=True, slots=True, eq=False)
class Message:
    """What was published, and when it came (monotonic)."""

    channel: bytes
    data: bytes
    came_at: float


class Channels:
    """A bounded buffer, and those who forward from it, some at once. Keeps no order between them."""

    def __init__(
        self, publish: Callable[[bytes], Awaitable[Answer]], records: Records, tally: Tally, parallel: int
    ) -> None:
        self._publish, self._records, self._tally = publish, records, tally
        self._waiting: asyncio.Queue[Message] = asyncio.Queue(MESSAGES_MAX)
        self._bytes = 0
        self._taken_on: dict[Message, None] = {}
        """All that are not done with, the oldest first."""
        self._parallel = parallel

    def offer(self, message: Message) -> None:
        """Take a message on; where there is no room it is recorded as lost."""
        size = len(message.data)
        if size > EVENT_BYTES_MAX:
            self._judge(message)
            return
        if self._waiting.full() or self._bytes + size > BYTES_MAX:
            self.lose(message, "the relay's buffer is full: broadcast does not keep up")
            return
        self._bytes += size
        self._taken_on[message] = None
        self._waiting.put_nowait(message)

    def lose(self, message: Message, reason: str, tries: int = 0) -> None:
        """Record a message that will not be forwarded."""
        self._tally.lost += 1
        self._records.add(self._letter(message, reason, tries=tries))

    def lag(self) -> float:
        """The age of the oldest message that is not done with."""
        oldest = next(iter(self._taken_on), None)
        return 0.0 if oldest is None else time.monotonic() - oldest.came_at

    async def forward(self) -> None:
        """Forward what comes, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._parallel):
                group.create_task(self._work())

    async def drained(self) -> None:
        """Wait until nothing is left."""
        await self._waiting.join()

    def abandon(self) -> None:
        """There is no more time: what is left is lost."""
        for message in self._taken_on:
            self.lose(message, "the relay had to end before broadcast took it")
        self._taken_on.clear()

    async def _work(self) -> None:
        while True:
            message = await self._waiting.get()
            if (event := self._judge(message)) is not None:
                await self._carry(message, event)
            self._bytes -= len(message.data)
            self._taken_on.pop(message, None)
            self._waiting.task_done()

    def _judge(self, message: Message) -> bytes | None:
        """The event that it is, or None where it breaks the contract."""
        try:
            return from_channel(message.channel, message.data)
        except ValidationFailed as error:
            self._reject(message, error.message, tuple(error.details))
            return None

    async def _carry(self, message: Message, event: bytes) -> None:
        until, tries = time.monotonic() + RETRY_WITHIN_SECONDS, 0
        while True:
            answer = await self._publish(event)
            tries += 1
            if answer.verdict is Verdict.ACCEPTED:
                self._tally.forwarded += 1
                return
            if answer.verdict is Verdict.REJECTED:
                self._reject(message, answer.reason, answer.problems)
                return
            if time.monotonic() >= until:
                self.lose(message, answer.reason, tries)
                return
            await asyncio.sleep(delay(tries, base=0.1, cap=2.0))

    def _reject(self, message: Message, reason: str, problems: tuple[dict[str, str], ...]) -> None:
        self._tally.rejected += 1
        self._records.add(self._letter(message, reason, problems))

    @staticmethod
    def _letter(
        message: Message, reason: str, problems: tuple[dict[str, str], ...] = (), tries: int = 0
    ) -> DeadLetter:
        return DeadLetter(message.channel.decode(errors="replace"), message.data, reason, problems, tries)
