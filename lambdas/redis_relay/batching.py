"""Publishes what waits by one invoke, which takes hardly longer for many events than for one."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from redis_relay.broadcast_client import PublishResult, PublishStatus, combine

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

EVENTS_MAX = 25
"""The most events of an invoke, unless one message has more."""
BYTES_MAX = 4 * 1024 * 1024
"""Outside limit: the payload of a synchronous invoke has 6 MB."""
ITEMS_PER_INVOKE = 2 * EVENTS_MAX
ITEMS_MAX = 500


def items_in_work(parallel: int) -> int:
    """How many messages to work on at once, so that `parallel` invokes find enough events to take along."""
    return min(ITEMS_MAX, parallel * ITEMS_PER_INVOKE)


class _Item:
    """The events of one message, and what waits for their result."""

    __slots__ = ("events", "result", "taken")

    def __init__(self, events: Sequence[bytes]) -> None:
        self.events = events
        self.result: asyncio.Future[PublishResult] = asyncio.get_running_loop().create_future()
        self.taken = False


class EventBatcher:
    """Publishes events of messages in batches, by at most `parallel` calls of `publish_all` at a time.

    No event waits while a call is free; those that come meanwhile go together by the next one.
    """

    def __init__(
        self, publish_all: Callable[[Sequence[bytes]], Awaitable[list[PublishResult]]], parallel: int
    ) -> None:
        self._publish_all = publish_all
        self._slots = asyncio.Semaphore(parallel)
        self._waiting: deque[_Item] = deque()
        self._stopped = False

    def stop(self) -> None:
        """Publish no more than what is being published."""
        self._stopped = True

    async def publish(self, events: Sequence[bytes]) -> PublishResult:
        """Publish the events of one message; returns their combined result."""
        item = _Item(events)
        self._waiting.append(item)
        try:
            async with self._slots:
                while not item.taken:
                    if self._stopped:
                        return PublishResult(PublishStatus.UNAVAILABLE, "the relay ends")
                    await self._publish_next()
        finally:
            if not item.taken:
                self._waiting.remove(item)
        return await item.result

    async def _publish_next(self) -> None:
        items = self._take()
        try:
            results = iter(await self._publish_all([event for item in items for event in item.events]))
            for item in items:
                combined = combine([next(results) for _ in item.events])
                if not item.result.done():
                    item.result.set_result(combined)
        finally:
            for item in items:
                item.result.cancel()  # nothing, unless the call was cancelled

    def _take(self) -> list[_Item]:
        """Take the items that waited longest, as many as go together; at least one."""
        items: list[_Item] = []
        events = used = 0
        while self._waiting:
            item = self._waiting[0]
            size = sum(map(len, item.events))
            if items and (events + len(item.events) > EVENTS_MAX or used + size > BYTES_MAX):
                break
            self._waiting.popleft()
            item.taken = True
            items.append(item)
            events += len(item.events)
            used += size
        return items
