"""The client without asyncio: a thin facade with a thread and an event loop of its own.

from deals_client.sync import DealsClient

with DealsClient(url, get_token=lambda reason: token) as client:
    for event in client.subscribe("electronics.laptops"):
        print(event.data)

Handlers and `get_token` are called on that thread: what blocks in them blocks the client.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Collection, Coroutine, Iterator
from types import TracebackType
from typing import Any, Self, TypeVar

import deals_client.client as asynchronous
from deals_client.subscription import Subscription as AsyncSubscription
from deals_client.values import (
    Acknowledged,
    Cancel,
    Event,
    InboxEntry,
    MessageState,
    Ready,
    SentMessage,
    State,
    Status,
)

T = TypeVar("T")


class DealsClient:
    """The same as `deals_client.DealsClient`, of which it takes the arguments; its methods wait."""

    def __init__(self, url: str, get_token: Callable[[Any], str], **options: Any) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="deals-client", daemon=True)
        self._client = asynchronous.DealsClient(url, get_token, **options)
        self._connecting: asyncio.Future[None] | None = None

    @property
    def state(self) -> State:
        """The client's state."""
        return self._client.state

    def on(self, name: Any, handler: Callable[[Any], None]) -> Cancel:
        """Call a function, on the client's thread, for each such value."""
        return self._client.on(name, handler)

    def connect(self) -> None:
        """Connect, and return when connected. Raises NotAuthorized, ConfigurationError, ClientClosed."""
        self._run(self._client.connect())

    def start(self) -> None:
        """Begin to connect, and return at once; a `state` handler learns how it goes."""

        async def begin() -> None:
            self._connecting = asyncio.ensure_future(self._client.connect())
            self._connecting.add_done_callback(lambda one: one.cancelled() or one.exception())

        self._run(begin())

    def subscribe(self, topic: str = "all-deals", **options: Any) -> Subscription:
        """Subscribe; the options are those of the asynchronous client."""

        async def join() -> AsyncSubscription:
            return self._client.subscribe(topic, **options)

        return Subscription(self._run(join()), self._run)

    def send_message(self, recipient_id: str, content: str, **options: Any) -> SentMessage:
        """Send a message to another user; returns when it is stored."""
        return self._run(self._client.send_message(recipient_id, content, **options))

    def inbox(self, *, status: MessageState | None = None, after: str | None = None) -> Iterator[InboxEntry]:
        """Yield the entries of the inbox, oldest first."""
        entries = self._client.inbox(status=status, after=after)
        while True:
            try:
                yield self._run(_next(entries))
            except StopAsyncIteration:
                return

    def ack(self, message_id: str, type: Any = "read") -> Acknowledged:  # noqa: A002 - the field's name
        """Record that an entry of the inbox was delivered or read."""
        return self._run(self._client.ack(message_id, type))

    def presence(self, users: Collection[str]) -> dict[str, bool]:
        """Return who of these users has a connection now."""
        return self._run(self._client.presence(users))

    def status(self) -> Status:
        """Return what the service knows of this connection."""
        return self._run(self._client.status())

    def disconnect(self) -> None:
        """Disconnect; the subscriptions are kept for the next `connect`."""
        self._run(self._client.disconnect())

    def close(self) -> None:
        """Disconnect for good, and end the thread."""
        if self._loop.is_closed():
            return
        self._run(self._client.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> Self:
        try:
            self.connect()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        if not self._thread.is_alive():
            self._thread.start()
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            # Ctrl-C while it waits.
            future.cancel()
            raise


class Subscription:
    """A subscription to a topic: an iterator of its events, or what calls the handler."""

    def __init__(
        self, subscription: AsyncSubscription, run: Callable[[Coroutine[Any, Any, Any]], Any]
    ) -> None:
        self._subscription, self._run = subscription, run

    @property
    def position(self) -> int | None:
        """The highest position that was handed out, or that of the last reply."""
        return self._subscription.position

    @property
    def error(self) -> BaseException | None:
        """The error that ended it, or None."""
        return self._subscription.error

    def ready(self) -> Ready:
        """Wait until it is live for the first time."""
        ready: Ready = self._run(self._subscription.ready())
        return ready

    def unsubscribe(self) -> None:
        """End it."""
        self._run(self._subscription.unsubscribe())

    def __iter__(self) -> Iterator[Event]:
        while True:
            try:
                yield self._run(_next(self._subscription))
            except StopAsyncIteration:
                return

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.unsubscribe()


async def _next(items: Any) -> Any:
    return await anext(items)
