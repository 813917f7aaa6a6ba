"""A TCP tunnel in front of a server such as Redis, which a test can pause, slow down or cut."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Any, Literal, get_args

from local_cloud.gateway.control_calls import BadCall

State = Literal["open", "paused", "cut"]
DELAY_MS_MAX = 60_000


class Tunnel:
    """Passes bytes both ways while `open`; `paused` it passes nothing; `cut` it closes connections."""

    def __init__(self, host: str, port: int) -> None:
        self._upstream = (host, port)
        self.watch: Callable[[int], Callable[[], None]] | None = None
        """Called with the port of each client; returns what is called for each piece that it sends."""
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.port = 0
        self.state: State = "open"
        self.delay_ms = 0

    async def start(self, host: str, port: int) -> None:
        """Listen on `port`; 0 takes a free one."""
        self._server = await asyncio.start_server(self._serve, host, port, family=socket.AF_INET)
        self.port = self._server.sockets[0].getsockname()[1]

    def switch(self, state: Any) -> None:
        """Change the state. Raises BadCall for an unknown one."""
        self.check_state(state)
        self.state = state
        if state == "paused":
            self._flowing.clear()
        else:
            self._flowing.set()
        if state == "cut":
            for writer in self._writers:
                writer.transport.abort()

    def delay(self, milliseconds: Any) -> None:
        """Delay the bytes in each direction by `milliseconds`. Raises BadCall."""
        self.check_delay(milliseconds)
        self.delay_ms = milliseconds

    @staticmethod
    def check_state(state: Any) -> None:
        """Raise BadCall for an unknown state."""
        if state not in get_args(State):
            raise BadCall(f"state: {state!r:.100}; give {', '.join(get_args(State))}")

    @staticmethod
    def check_delay(milliseconds: Any) -> None:
        """Raise BadCall for a delay that the tunnel does not take."""
        if type(milliseconds) is not int or not 0 <= milliseconds <= DELAY_MS_MAX:
            raise BadCall(f"delay_ms: {milliseconds!r:.100}; give a whole number from 0 to {DELAY_MS_MAX}")

    async def close(self) -> None:
        """Stop listening and close all connections."""
        self.switch("cut")
        if self._server:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            await self._flowing.wait()
            if self.state == "cut":
                return

            up_reader, up_writer = await asyncio.open_connection(*self._upstream)
            self._writers.add(up_writer)
            try:
                note = self.watch(writer.get_extra_info("peername")[1]) if self.watch else None
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._pump(reader, up_writer, note))
                    group.create_task(self._pump(up_reader, writer))
            finally:
                self._writers.discard(up_writer)
                up_writer.transport.abort()
        except (OSError, ExceptionGroup):
            pass  # one side is gone; the other is closed below
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        note: Callable[[], None] | None = None,
    ) -> None:
        while data := await reader.read(64 * 1024):
            if note is not None:
                note()
            if self.delay_ms:
                await asyncio.sleep(self.delay_ms / 1000)
            await self._flowing.wait()
            writer.write(data)
            await writer.drain()
        with contextlib.suppress(OSError):
            writer.write_eof()
