"""One open connection: a reader, a writer, and the time of the last frame."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from deals_client.clock import Clock
from deals_client.emitter import Tasks
from deals_client.refusals import Closing, Loss
from deals_client.sockets import Socket, SocketClosed

_ABNORMAL = 1006


class Link:
    """A connection by its number; later attempts have higher ones.

    `on_text` gets each text with the link. After `detach` nothing of it is handed on any more.
    """

    def __init__(
        self, number: int, socket: Socket, clock: Clock, tasks: Tasks, on_text: Callable[[Link, str], None]
    ) -> None:
        self.number = number
        self.opened_at: float = clock.monotonic()
        self.heard_at: float = self.opened_at
        self.wrote_at: float = self.opened_at
        self.heard: int = 0
        """How many texts have arrived."""
        self.closing: Closing | None = None
        """What a `closing` frame has announced."""
        self.last_request: str | None = None
        """The id of the request that was written last."""
        self.ended: asyncio.Future[Loss] = asyncio.get_running_loop().create_future()
        self.replied: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Set by the first reply, which proves that the service knows the connection."""
        self._socket, self._clock, self._tasks, self._on_text = socket, clock, tasks, on_text
        self._unsent: deque[str] = deque()
        self._writing: asyncio.Task[None] | None = None
        self._reading = tasks.start(self._read())

    @property
    def is_open(self) -> bool:
        """Whether a frame may still be sent."""
        return not self.ended.done()

    @property
    def age(self) -> float:
        """Seconds since it was opened."""
        return self._clock.monotonic() - self.opened_at

    def write(self, text: str, request_id: str | None = None) -> None:
        """Send a text after those before it; while much is unsent, it waits."""
        if not self.is_open:
            return
        if request_id is not None:
            self.last_request = request_id
        self._unsent.append(text)
        self.wrote_at = self._clock.monotonic()
        if self._writing is None or self._writing.done():
            self._writing = self._tasks.start(self._write())

    def end(self, code: int = _ABNORMAL, reason: str = "") -> None:
        """Take the connection for lost, and cut it."""
        if not self.ended.done():
            self.ended.set_result(Loss(code, reason, self.closing))
        self.detach()
        self._socket.abort()

    def detach(self) -> None:
        """Hand nothing on any more."""
        self._on_text = _drop
        self._unsent.clear()
        for task in (self._reading, self._writing):
            if task is not None and task is not asyncio.current_task():
                task.cancel()

    async def close(self) -> None:
        """Detach, then close as a well-behaved peer does; the caller limits the time."""
        if not self.ended.done():
            self.ended.set_result(Loss(1000))
        self.detach()
        try:
            await self._socket.close()
        except (OSError, SocketClosed):
            pass
        finally:
            self._socket.abort()

    async def _read(self) -> None:
        try:
            while True:
                text = await self._socket.receive()
                self.heard_at = self._clock.monotonic()
                self.heard += 1
                self._on_text(self, text)
        except SocketClosed as closed:
            self.end(closed.code, closed.reason)
        except OSError as error:
            self.end(reason=str(error))

    async def _write(self) -> None:
        try:
            while self._unsent:
                await self._socket.send(self._unsent.popleft())
        except (SocketClosed, OSError):
            # The reader tells how the connection ended, after the frames that have arrived.
            self._unsent.clear()


def _drop(_link: Link, _text: str) -> None:
    """Stand in for the receiver of a connection that is detached."""
