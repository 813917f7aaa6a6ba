"""Forwards channel messages to `broadcast`: at most once, since pub/sub promises no more."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from realtime_core.aws.backoff import delay
from realtime_core.errors import ValidationFailed
from realtime_core.telemetry.logs import get_logger
from redis_relay.broadcast_client import PublishStatus
from redis_relay.dead_letters import DeadLetter, DeadLetterWriter
from redis_relay.events import EVENT_BYTES_MAX, from_channel

if TYPE_CHECKING:
    from redis_relay.batching import EventBatcher
    from redis_relay.run_report import RunReport

log = get_logger(__name__)

MESSAGES_MAX = 10_000
BYTES_MAX = 32 * 1024 * 1024
"""Limit of what waits for `broadcast`, in a function with 256 MB; messages beyond it are lost."""
RETRY_WITHIN_SECONDS = 30.0
"""How long one message is retried; those behind it wait."""


@dataclass(frozen=True, slots=True, eq=False)
class ChannelMessage:
    """A published message, and when it was received (monotonic)."""

    channel: bytes
    data: bytes
    received_at: float


class ChannelForwarder:
    """A bounded buffer of messages and `workers` that publish from it, in no particular order."""

    def __init__(
        self,
        batcher: EventBatcher,
        dead_letters: DeadLetterWriter,
        report: RunReport,
        workers: int,
    ) -> None:
        self._batcher, self._dead_letters, self._report = batcher, dead_letters, report
        self._waiting: asyncio.Queue[ChannelMessage] = asyncio.Queue(MESSAGES_MAX)
        self._bytes = 0
        self._unfinished: dict[ChannelMessage, None] = {}
        """Oldest first."""
        self._workers = workers

    def enqueue(self, message: ChannelMessage) -> None:
        """Accept a message; if the buffer is full, record it as lost."""
        size = len(message.data)
        if size > EVENT_BYTES_MAX:
            # Parsing rejects it, and it takes no room in the buffer.
            self._parse(message)
            return
        if self._waiting.full() or self._bytes + size > BYTES_MAX:
            self.lose(message, "the relay's buffer is full: broadcast does not keep up")
            return

        self._bytes += size
        self._unfinished[message] = None
        self._waiting.put_nowait(message)

    def lose(self, message: ChannelMessage, reason: str, tries: int = 0) -> None:
        """Record a message that will not be forwarded."""
        self._report.lost += 1
        self._dead_letters.add(_dead_letter(message, reason, tries=tries))

    def lag(self) -> float:
        """The age of the oldest unfinished message, in seconds."""
        oldest = next(iter(self._unfinished), None)
        return 0.0 if oldest is None else time.monotonic() - oldest.received_at

    async def run(self) -> None:
        """Forward messages until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._workers):
                group.create_task(self._work())

    async def drain(self) -> None:
        """Wait until every accepted message is finished."""
        await self._waiting.join()

    def lose_unfinished(self) -> None:
        """Record every unfinished message as lost, because the invocation ends."""
        for message in self._unfinished:
            self.lose(message, "the relay had to end before broadcast took it")
        self._unfinished.clear()

    async def _work(self) -> None:
        while True:
            message = await self._waiting.get()
            if (events := self._parse(message)) is not None:
                await self._forward(message, events)
            self._bytes -= len(message.data)
            self._unfinished.pop(message, None)
            self._waiting.task_done()

    def _parse(self, message: ChannelMessage) -> list[bytes] | None:
        """The message's events; None if it breaks the contract, or the relay fails on it: it is put aside."""
        try:
            return from_channel(message.channel, message.data)
        except ValidationFailed as error:
            self._reject(message, error.message, tuple(error.details))
        except Exception as error:
            # A fault of ours: if it killed the worker, the messages behind this one would wait for ever.
            log.exception("channel_message_failed", channel=message.channel.decode(errors="replace"))
            self.lose(message, f"the relay failed on it: {type(error).__name__}")
        return None

    async def _forward(self, message: ChannelMessage, events: list[bytes]) -> None:
        """Publish the events of a message, with retries until `RETRY_WITHIN_SECONDS` are over."""
        until, tries = time.monotonic() + RETRY_WITHIN_SECONDS, 0
        while True:
            result = await self._batcher.publish(events)
            tries += 1

            if result.status is PublishStatus.ACCEPTED:
                self._report.forwarded += 1
                return
            if result.status is PublishStatus.REJECTED:
                self._reject(message, result.reason, result.problems)
                return
            if time.monotonic() >= until:
                self.lose(message, result.reason, tries)
                return
            await asyncio.sleep(delay(tries, base=0.1, cap=2.0))

    def _reject(self, message: ChannelMessage, reason: str, problems: tuple[dict[str, str], ...]) -> None:
        self._report.rejected += 1
        self._dead_letters.add(_dead_letter(message, reason, problems))


def _dead_letter(
    message: ChannelMessage, reason: str, problems: tuple[dict[str, str], ...] = (), tries: int = 0
) -> DeadLetter:
    return DeadLetter(message.channel.decode(errors="replace"), message.data, reason, problems, tries)
