"""A WebSocket client for tests of the wire: a person who connects, sends actions and hears raw frames."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from local_cloud.named_cloud import list_dial_options

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

WAIT_SECONDS = 15.0
"""How long a frame may take on a busy machine; a test that waits longer fails."""


@dataclass
class Person:
    """One connection and the frames it has received so far. `on_frame`, if set, gets those of all people."""

    on_frame: ClassVar[Callable[[dict[str, Any]], None] | None] = None
    socket: ClientConnection
    heard: list[dict[str, Any]] = field(default_factory=list)
    raw: list[str] = field(default_factory=list)
    _listener: asyncio.Task[None] | None = None
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    async def connect(cls, url: str, **options: Any) -> Self:
        """Open a connection. Raises websockets' InvalidStatus when the handshake is refused."""
        dial = list_dial_options(url) | options
        person = cls(await connect(url, ping_interval=None, open_timeout=WAIT_SECONDS, **dial))
        person._listener = asyncio.create_task(person._listen())
        return person

    async def _listen(self) -> None:
        with suppress(ConnectionClosed):  # the received frames stay, however the connection ends
            async for text in self.socket:
                self.raw.append(str(text))
                frame = json.loads(text)
                # A batch frame carries several pushes; each counts as a frame of its own. With a position it
                # is an event, whatever its publisher called it.
                is_batch = frame.get("type") == "batch" and "position" not in frame
                frames = frame["data"]["frames"] if is_batch else [frame]
                if Person.on_frame is not None:
                    for one in (frame, *frames):
                        Person.on_frame(one)
                heard_at = time.monotonic()
                self.heard += [{**item, "_at": heard_at} for item in frames]
                self._news.set()
        self._news.set()

    async def say(self, text: str) -> None:
        """Send a text frame unchanged."""
        await self.socket.send(text)

    async def ask(self, action: str, data: Any = None, **fields: Any) -> dict[str, Any]:
        """Send an action with a unique requestId and wait for the frame that answers it."""
        request_id = fields.pop("requestId", str(uuid.uuid4()))
        request = {"action": action, "requestId": request_id, **fields}
        if data is not None:
            request["data"] = data
        seen = len(self.heard)
        await self.say(json.dumps(request))
        return await self.hears(lambda frame: frame.get("requestId") == request_id, after=seen)

    async def frames(self, type_: str) -> AsyncIterator[dict[str, Any]]:
        """Yield every frame of a type, received ones first, until the connection ends."""
        seen = 0
        while True:
            self._news.clear()
            for frame in self.heard[seen:]:
                seen += 1
                if frame.get("type") == type_:
                    yield frame
            if self._listener is None or self._listener.done():
                return
            await self._news.wait()

    async def hears(
        self, wanted: str | Callable[[dict[str, Any]], bool], *, after: int = 0, within: float = WAIT_SECONDS
    ) -> dict[str, Any]:
        """Wait up to `within` seconds for a frame of a type, or one that fulfils a condition; return it.

        The first `after` frames are ignored. Raises AssertionError when none arrives.
        """
        fulfils = (lambda frame: frame.get("type") == wanted) if isinstance(wanted, str) else wanted
        deadline = time.monotonic() + within

        while True:
            self._news.clear()
            for frame in self.heard[after:]:
                if fulfils(frame):
                    return frame

            left = deadline - time.monotonic()
            closed = self._listener is not None and self._listener.done()
            if left <= 0 or closed:
                raise AssertionError(
                    f"not heard in {within} s (closed: {closed}); heard: {self.heard[after:]}"
                )
            try:
                await asyncio.wait_for(self._news.wait(), left)
            except TimeoutError:
                continue

    def all_heard(self, type_: str) -> list[dict[str, Any]]:
        """Return every frame of a type received so far."""
        return [frame for frame in self.heard if frame.get("type") == type_]

    async def subscribe(
        self, topic: str | None = None, filters: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Subscribe and return the confirmation. Raises AssertionError for any other reply."""
        data: dict[str, Any] = {}
        if topic is not None:
            data["topic"] = topic
        if filters is not None:
            data["filters"] = filters
        reply = await self.ask("subscribeToDeals", data)
        if reply["type"] != "subscriptionConfirmed":
            raise AssertionError(f"not subscribed: {reply}")
        return reply

    async def connection_id(self) -> str:
        """Ask the server for the connection's id."""
        return str((await self.ask("getStatus"))["data"]["connectionId"])

    async def leave(self) -> None:
        """Close the connection as a well-behaved client does."""
        await self.socket.close()
        if self._listener:
            await self._listener
