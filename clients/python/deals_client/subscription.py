"""What `subscribe` returns."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self

from deals_client.channel import Channel
from deals_client.errors import ConfigurationError, DuplicateSubscription
from deals_client.feed import Feed
from deals_client.values import Event, Filters, Ready, SubscriptionState


class Subscription:
    """A subscription to a topic: an iterator of its events, or what calls the handler.

    `break` out of an `async for` leaves it in force: use it with `async with`, or unsubscribe.
    """

    def __init__(self, channel: Channel, feed: Feed, *, is_iterated: bool) -> None:
        self._channel, self._feed, self._is_iterated = channel, feed, is_iterated

    @property
    def topic(self) -> str:
        """Its topic."""
        return self._channel.topic

    @property
    def filters(self) -> Filters:
        """The filters that are wanted."""
        return self._channel.filters

    @property
    def state(self) -> SubscriptionState:
        """`pending`, `catchingUp`, `live` or `ended`."""
        return self._feed.state

    @property
    def position(self) -> int | None:
        """The highest position that was handed out, or that of the last reply."""
        return self._feed.progress.position

    @property
    def error(self) -> BaseException | None:
        """The error that ended it, or None."""
        return self._feed.error

    async def ready(self) -> Ready:
        """Wait until it is live for the first time. Raises the error that ended it."""
        # A waiter that is cancelled must not cancel the future that others await.
        return await asyncio.shield(self._feed.ready)

    async def update(self, filters: Filters) -> None:
        """Change the filters; returns when the server has confirmed them, or at once while offline.

        Raises ValidationError where the server refuses them: those before stay in force. Raises
        DuplicateSubscription where another subscription shares the topic.
        """
        if len(self._channel.feeds) > 1:
            raise DuplicateSubscription(f"{self.topic} has another subscription, whose filters these are too")
        self._channel.change(filters)
        await self._channel.settle()

    async def unsubscribe(self) -> None:
        """End it; returns when the server has confirmed that, or at once while offline."""
        self._feed.end("unsubscribed")
        self._channel.leave(self._feed)
        await self._channel.settle()

    def __aiter__(self) -> AsyncIterator[Event]:
        if not self._is_iterated:
            raise ConfigurationError("on_event: a subscription has a handler or an iterator, not both")
        return self

    async def __anext__(self) -> Event:
        return await self._feed.delivery.take()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.unsubscribe()
