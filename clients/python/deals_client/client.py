"""The client: one connection to the deals WebSocket service that lasts."""

from __future__ import annotations

import asyncio
import os
import random as system_random
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from types import TracebackType
from typing import Any, Literal, Self

from deals_client import wire
from deals_client.clock import Clock, SystemClock
from deals_client.core import Core
from deals_client.emitter import Emitter, Handler
from deals_client.errors import ClientClosed, ConfigurationError
from deals_client.feed import Feed
from deals_client.frames import ALL_DEALS
from deals_client.options import Options
from deals_client.runtime import Runtime
from deals_client.sockets import OpenSocket
from deals_client.storage import Storage
from deals_client.subscription import Subscription
from deals_client.tokens import GetToken
from deals_client.values import (
    Acknowledged,
    Cancel,
    Filters,
    InboxEntry,
    MessageState,
    SentMessage,
    State,
    Status,
)
from deals_client.websocket import check_url, open_websocket

RECENT_MAX = 100


class DealsClient:
    """A connection that reconnects, resumes and refreshes its token by itself.

    `get_token` is called with a reason (`connect`, `refused`, `expiring`) and returns a token; it raises
    NotAuthorized to stop the client. `storage` keeps positions that outlive the process. Making a client
    opens nothing. It belongs to the event loop on which it is used first. `clock`, `random` (numbers in
    [0, 1)) and `open_socket` are for tests.
    """

    def __init__(
        self,
        url: str,
        get_token: GetToken,
        *,
        storage: Storage | None = None,
        options: Options | None = None,
        clock: Clock | None = None,
        random: Callable[[], float] = system_random.random,
        open_socket: OpenSocket = open_websocket,
    ) -> None:
        if not callable(get_token):
            raise ConfigurationError("get_token: must be a function that returns a token")
        self._core = Core(
            check_url(url),
            Runtime(options or Options(), clock or SystemClock(), random, Emitter()),
            get_token,
            open_socket,
            storage,
        )
        self._home: tuple[int, asyncio.AbstractEventLoop] | None = None

    @property
    def state(self) -> State:
        """`idle`, `connecting`, `connected`, `waiting`, `stopped` or `closed`."""
        return self._core.session.state

    def on(
        self,
        name: Literal["state", "message", "notification", "messageStatus", "warning"],
        handler: Handler,
    ) -> Cancel:
        """Call a function or coroutine function for each such value; returns the function that ends it."""
        return self._core.emitter.on(name, handler)

    async def connect(self) -> None:
        """Connect, and return when connected. Raises NotAuthorized, ConfigurationError, ClientClosed.

        A network that fails is no error: the client goes on trying. Cancelling ends the waiting only.
        """
        self._check()
        await self._core.session.connect()

    def subscribe(
        self,
        topic: str = ALL_DEALS,
        *,
        filters: Filters | None = None,
        since: int | None = None,
        recent: int | None = None,
        order: Literal["position"] | None = None,
        on_event: Handler | None = None,
        on_gap: Handler | None = None,
        on_state: Handler | None = None,
    ) -> Subscription:
        """Subscribe to a topic, before or after `connect`, and over all reconnects.

        It begins after the position `since`, else where the storage has left off, else with up to `recent` of
        the newest events (1 to 100), else with what comes. Iterate over the result, or give `on_event`.
        Equal filters on a topic share one subscription. Raises DuplicateSubscription for other filters.
        """
        self._check_open()
        if recent is not None and not 1 <= recent <= RECENT_MAX:
            raise ConfigurationError(f"recent: must be 1 to {RECENT_MAX}, not {recent!r}")
        core = self._core
        feed = Feed(
            core.runtime,
            since=since,
            recent=recent,
            in_order=order == "position",
            on_event=on_event,
            on_gap=on_gap,
            on_state=on_state,
        )
        channel = core.subscribe(topic, dict(filters or {}), feed)
        return Subscription(channel, feed, is_iterated=on_event is None)

    async def send_message(
        self,
        recipient_id: str,
        content: str,
        *,
        type: str = "text",  # noqa: A002 - the field's name
        request_id: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - of all tries, on the client's clock
    ) -> SentMessage:
        """Send a message to another user; returns when it is stored. Raises DealsError.

        It is sent again until the deadline, also over reconnects, and stored once. After NoReply the same
        `request_id`, which the error has, is safe to use again for a day.
        """
        data: wire.MessageSent = await self._ask(
            "sendMessage",
            {"recipientId": recipient_id, "content": content, "type": type},
            request_id=request_id,
            timeout=timeout,
        )
        return SentMessage(data["messageId"], data["recipientId"], data["timestamp"])

    async def inbox(
        self, *, status: MessageState | None = None, after: str | None = None
    ) -> AsyncIterator[InboxEntry]:
        """Yield the entries of the inbox after a message id, oldest first. Raises DealsError."""
        self._check_open()
        async for entry in self._core.inbox.read(status, after):
            yield entry

    async def ack(
        self,
        message_id: str,
        type: Literal["delivered", "read"] = "read",  # noqa: A002 - the field's name
    ) -> Acknowledged:
        """Record that an entry of the inbox was delivered or read. Raises NotFound and other DealsErrors."""
        data: wire.NotificationAcked = await self._ask(
            "notificationAck", {"messageId": message_id, "type": type}
        )
        return Acknowledged(data["messageId"], data["type"], data["timestamp"])

    async def presence(self, users: Collection[str]) -> dict[str, bool]:
        """Return who of these users (1 to 50) has a connection now. Raises DealsError."""
        data: wire.Presence = await self._ask("getPresence", {"users": list(users)})
        return {user: bool(state["online"]) for user, state in data["users"].items()}

    async def status(self) -> Status:
        """Return what the service knows of this connection. Raises DealsError."""
        self._check_open()
        return self._core.status(await self._core.requests.ask("getStatus", {}))

    async def disconnect(self) -> None:
        """Disconnect within a second. The subscriptions are kept for the next `connect`."""
        self._check()
        await self._core.disconnect()

    async def close(self) -> None:
        """Disconnect for good, within a second. Calls that wait raise ClientClosed."""
        self._check()
        await self._core.close()

    async def __aenter__(self) -> Self:
        try:
            await self.connect()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _ask(
        self,
        action: wire.Action,
        data: Mapping[str, Any],
        *,
        request_id: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - as above
    ) -> Any:
        """Return the data of the reply; the type of the action's reply is in `wire`."""
        self._check_open()
        frame = await self._core.requests.ask(action, data, request_id=request_id, timeout=timeout)
        return frame["data"]

    def _check_open(self) -> None:
        self._check()
        if self.state == "closed":
            raise ClientClosed("the client was closed")

    def _check(self) -> None:
        """Raise ConfigurationError on another loop than the first, or in a forked process."""
        home = (os.getpid(), asyncio.get_running_loop())
        if self._home is None:
            self._home = home
        elif self._home != home:
            raise ConfigurationError("the client belongs to another event loop or process; make one for each")
