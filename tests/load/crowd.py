"""Many light connections of one process: each counts the events that it receives, and how long they took."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

OPEN_SECONDS = 30.0
REPLY_SECONDS, REPEATS = 60.0, 3
BACKOFF_SECONDS_MAX = 8.0
HEARTBEAT_SECONDS = 240.0
"""API Gateway closes what is idle for ten minutes."""


@dataclass(eq=False)
class Member:
    """One connection, and what it has received."""

    user_id: str
    socket: ClientConnection | None = None
    received: dict[str, int] = field(default_factory=dict)
    """How often each event came, by its id."""
    seconds: list[float] = field(default_factory=list)
    replies: dict[str, asyncio.Future[dict[str, Any]]] = field(default_factory=dict)
    drops: int = 0
    attempts: int = 0
    refusals: list[int] = field(default_factory=list)
    reading: asyncio.Task[None] | None = None

    @property
    def is_open(self) -> bool:
        """Whether its connection is open."""
        return self.reading is not None and not self.reading.done()


class Crowd:
    """The connections; `token` makes a user's token."""

    def __init__(self, url: str, token: Callable[[str], str], name: str, size: int, concurrency: int) -> None:
        self._url, self._token = url, token
        self.members = [Member(f"{name}-{number}") for number in range(size)]
        self._gate = asyncio.Semaphore(concurrency)
        self._ids = itertools.count(1)
        self._leaving = False
        self._heartbeats: asyncio.Task[None] | None = None

    async def connect(self, members: Sequence[Member] | None = None) -> float:
        """Connect all, or these, trying again as clients do; return the seconds that it took."""
        started = time.monotonic()
        await asyncio.gather(*(self._connect(member) for member in members or self.members))
        if self._heartbeats is None:
            self._heartbeats = asyncio.create_task(self._keep_alive())
        return time.monotonic() - started

    async def subscribe(self, topic_of: Callable[[int], Sequence[str]]) -> float:
        """Subscribe each to the topics that its number has; return the seconds that it took."""
        started = time.monotonic()

        async def subscribe(number: int, member: Member) -> None:
            for topic in topic_of(number):
                await self.ask(member, "subscribeToDeals", {"topic": topic})

        await asyncio.gather(*(subscribe(*each) for each in enumerate(self.members)))
        return time.monotonic() - started

    async def ask(self, member: Member, action: str, data: Any = None) -> dict[str, Any]:
        """Send an action and return its reply.

        One that is refused for its rate is sent again when told, and one without a reply up to REPEATS times.
        """
        repeats = 0
        while True:
            request_id = f"r-{next(self._ids)}"
            waiting = member.replies[request_id] = asyncio.get_running_loop().create_future()
            request = {"action": action, "data": data or {}, "requestId": request_id}
            assert member.socket is not None, "connected before"
            try:
                async with self._gate:
                    await member.socket.send(json.dumps(request))
                    reply = await asyncio.wait_for(waiting, REPLY_SECONDS)
            except TimeoutError:
                repeats += 1
                if repeats > REPEATS:
                    raise
                continue
            finally:
                del member.replies[request_id]
            if reply["data"].get("code") != "RATE_LIMITED":
                assert reply["type"] != "error", reply
                return reply
            await asyncio.sleep(reply["data"]["details"]["retryAfterMs"] / 1000)

    async def cut(self) -> None:
        """Abort every connection at once, without a close frame, as an outage does."""
        reading = [one.reading for one in self.members if one.reading is not None]
        for member in self.members:
            if member.socket is not None:
                member.socket.transport.abort()
        await asyncio.gather(*reading)

    async def leave(self) -> None:
        """Close every connection."""
        self._leaving = True
        if self._heartbeats is not None:
            self._heartbeats.cancel()
        for chunk in (
            itertools.batched(self.members, 100) if hasattr(itertools, "batched") else [self.members]
        ):
            await asyncio.gather(*(one.socket.close() for one in chunk if one.socket), return_exceptions=True)

    def latencies(self) -> list[float]:
        """The seconds from publish to receipt of everything received, in order."""
        return sorted(seconds for member in self.members for seconds in member.seconds)

    def open_count(self) -> int:
        """How many connections are open."""
        return sum(member.is_open for member in self.members)

    async def _close(self, socket: ClientConnection) -> None:
        async with self._gate:
            await socket.close()

    async def _connect(self, member: Member) -> None:
        backoff = 0.5
        while True:
            member.attempts += 1
            try:
                async with self._gate:
                    member.socket = await connect(
                        self._url,
                        additional_headers={"Authorization": f"Bearer {self._token(member.user_id)}"},
                        compression=None,
                        ping_interval=None,
                        open_timeout=OPEN_SECONDS,
                    )
                break
            except InvalidStatus as refused:
                member.refusals.append(refused.response.status_code)
            except (OSError, TimeoutError, InvalidHandshake):
                member.refusals.append(0)
            await asyncio.sleep(random.uniform(0, backoff))
            backoff = min(BACKOFF_SECONDS_MAX, 2 * backoff)
        member.reading = asyncio.create_task(self._read(member, member.socket))

    async def _read(self, member: Member, socket: ClientConnection) -> None:
        with suppress(ConnectionClosed):
            async for text in socket:
                frame = json.loads(text)
                is_batch = frame.get("type") == "batch" and "position" not in frame
                for one in frame["data"]["frames"] if is_batch else [frame]:
                    self._take(member, one)
        if not self._leaving:
            member.drops += 1

    def _take(self, member: Member, frame: dict[str, Any]) -> None:
        if "position" in frame:
            event_id = frame["eventId"]
            member.received[event_id] = member.received.get(event_id, 0) + 1
            member.seconds.append(time.time() - frame["data"]["sentAt"])
        elif (waiting := member.replies.get(frame.get("requestId", ""))) is not None and not waiting.done():
            waiting.set_result(frame)

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            for member in self.members:
                if member.is_open and member.socket is not None:
                    with suppress(ConnectionClosed):
                        await member.socket.send('{"action":"keepAlive"}')
