"""Hands the events of a subscription to its reader: a handler, or an iterator (rules 17 and 18)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from deals_client.emitter import Emitter, Handler
from deals_client.values import Event


class Delivery:
    """Events that wait for the reader of one subscription.

    A handler gets one event after the other: the next one when a coroutine function has ended. `on_drained`
    may be set to a function that is called when nothing waits any more.
    """

    def __init__(self, emitter: Emitter, handler: Handler | None, limit: int) -> None:
        self._emitter, self._handler, self._limit = emitter, handler, limit
        self._waiting: deque[Event] = deque()
        self._has_news = asyncio.Event()
        self._is_busy = False
        self._end: BaseException | None = None
        self._has_ended = False
        self.handed_out: int | None = None
        """The highest position that the reader has got."""
        self.on_drained: Callable[[], None] = _nothing

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def has_room(self) -> bool:
        """Whether another event may wait."""
        return len(self._waiting) < self._limit

    @property
    def is_drained(self) -> bool:
        """Whether the reader has got everything, and is done with it."""
        return not self._waiting and not self._is_busy

    @property
    def waiting_ids(self) -> set[str]:
        """The ids of the events that wait."""
        return {event.event_id for event in self._waiting}

    def put(self, event: Event) -> None:
        """Hand an event to the reader, now or when it is its turn."""
        if self._has_ended:
            return
        if self._handler is None:
            self._waiting.append(event)
            self._has_news.set()
        elif self._is_busy:
            self._waiting.append(event)
        else:
            awaitable = self._call(self._handler, event)
            if awaitable is not None:
                self._is_busy = True
                self._emitter.tasks.start(self._handle_all(self._handler, awaitable))

    def end(self, error: BaseException | None = None) -> None:
        """End the reader: an iterator gets what waits, then the error or its end."""
        self._has_ended, self._end = True, error
        self._has_news.set()
        if self._handler is not None:
            self._waiting.clear()

    async def take(self) -> Event:
        """Return the next event for an iterator. Raises StopAsyncIteration, or the error that ended it."""
        while not self._waiting:
            if self._has_ended:
                raise self._end if self._end is not None else StopAsyncIteration
            self._has_news.clear()
            await self._has_news.wait()
        event = self._waiting.popleft()
        self._note(event)
        if not self._waiting:
            self.on_drained()
        return event

    async def _handle_all(self, handler: Handler, first: Awaitable[None]) -> None:
        """Await a handler, then call it for all that has come meanwhile."""
        awaitable: Awaitable[None] | None = first
        try:
            while True:
                if awaitable is not None:
                    await self._await(awaitable)
                if not self._waiting:
                    break
                awaitable = self._call(handler, self._waiting.popleft())
        finally:
            self._is_busy = False
        self.on_drained()

    async def _await(self, awaitable: Awaitable[None]) -> None:
        try:
            await awaitable
        except Exception as error:  # noqa: BLE001 - the application's own, of any kind
            self._emitter.warn("handlerFailed", repr(error), error)

    def _call(self, handler: Handler, event: Event) -> Awaitable[None] | None:
        self._note(event)
        return self._emitter.call(handler, event)

    def _note(self, event: Event) -> None:
        self.handed_out = event.position if self.handed_out is None else max(self.handed_out, event.position)


def _nothing() -> None:
    """Stand in for a function that was not set."""
