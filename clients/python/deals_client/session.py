"""The connection as a state machine: attempts, waits, the move to a new connection, and the end.

`Session` has one task. It connects, stays until the connection is lost, judges why, waits, and begins again.
Rules 2, 3, 4, 19 and 22.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, Protocol

from deals_client.clock import Timer, sleep, within
from deals_client.errors import (
    ClientClosed,
    ConfigurationError,
    DealsError,
    NotAuthorized,
)
from deals_client.link import Link
from deals_client.recovery import Recovery, first_reply
from deals_client.refusals import Loss, Verdict, judge_loss
from deals_client.runtime import Runtime
from deals_client.sockets import OpenSocket
from deals_client.tokens import Tokens
from deals_client.values import State, StateChange, StopReason, WaitReason

CLOSE_SECONDS = 1.0
DRAIN_SECONDS = 10.0
"""How long answers of the old connection are awaited after a move."""
CUT_SECONDS = 7200.0
"""Outside limit: API Gateway closes every connection after two hours."""
MAX_AGE_SECONDS = (7020.0, 120.0)


class Hooks(Protocol):
    """What the session tells the client."""

    def opened(self, link: Link) -> None:
        """A connection is open: greet the server, and renew the subscriptions on it."""

    def adopted(self, link: Link) -> None:
        """The server has answered on it: requests go there from now on."""

    def returned(self, _link: Link) -> None:
        """The move to a newer connection has failed: the subscriptions stay on this one."""

    def lost(self, link: Link, loss: Loss, *, is_last: bool) -> None:
        """A connection has ended; `is_last` if there is no other."""

    def take_text(self, link: Link, text: str) -> None:
        """A text has arrived."""

    def in_flight(self, link: Link) -> int:
        """Return how many requests await their answer on a connection."""
        ...


class Session:
    """Keeps one connection open, and moves from one to the next."""

    def __init__(
        self, url: str, runtime: Runtime, open_socket: OpenSocket, tokens: Tokens, hooks: Hooks
    ) -> None:
        self._url, self._open_socket, self._tokens, self._hooks = url, open_socket, tokens, hooks
        self._options, self._clock, self._random = runtime.options, runtime.clock, runtime.random
        self._emitter = runtime.emitter
        self._recovery = Recovery(runtime)
        self.state: State = "idle"
        self.link: Link | None = None
        """The newest connection that is open; its server may not have answered yet."""
        self._main_task: asyncio.Task[None] | None = None
        self._waiters: list[asyncio.Future[None]] = []
        self._attempts = 0
        self._moves: dict[Link, asyncio.Event] = {}
        self._ends: dict[Link, float] = {}
        """When each connection is cut at the latest."""
        self._timers: dict[tuple[Link, str], Timer] = {}

    async def connect(self) -> None:
        """Connect, and return when connected. Raises NotAuthorized, ConfigurationError, ClientClosed."""
        if self.state == "closed":
            raise ClientClosed("the client was closed")
        if self.state == "connected":
            return
        if self._main_task is None or self._main_task.done():
            self._main_task = self._emitter.tasks.start(self._main())
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        await waiter

    async def end(self, state: State) -> None:
        """Disconnect (`idle`), or close for good; returns within a second."""
        if self._main_task is not None:
            self._main_task.cancel()
            self._main_task = None
        self._settle(ClientClosed("the client was disconnected"))
        self._recovery.stop()
        links = list(self._moves)
        for link in links:
            self._lose(link, Loss(1000))
        self._change(state)
        with suppress(TimeoutError):
            await within(self._clock, CLOSE_SECONDS, _close_all(links))
        for link in links:
            link.end()

    def stop(self, reason: StopReason, error: DealsError) -> None:
        """Stop: a person must act."""
        task, self._main_task = self._main_task, None
        if task is not None and task is not asyncio.current_task():
            task.cancel()
        for link in tuple(self._moves):
            self._lose(link, Loss(1000, reason))
            link.end(reason=reason)
        self._change("stopped", reason)
        self._settle(error)

    def move(self, link: Link, grace: float | None = None) -> None:
        """Move from a connection to a new one, within `grace` seconds."""
        if link in self._moves:
            if grace is not None:
                self._ends[link] = min(self._ends[link], self._clock.monotonic() + grace)
            self._moves[link].set()

    def wake(self) -> None:
        """End a wait soon: the network may be back."""
        if self.state == "waiting":
            self._recovery.wake()

    async def _main(self) -> None:
        must_renew_token = False
        while True:
            self._change("connecting")
            try:
                link = await self._attempt(refused=must_renew_token)
            except (NotAuthorized, ConfigurationError) as error:
                is_configuration = isinstance(error, ConfigurationError)
                return self.stop("configuration" if is_configuration else "notAuthorized", error)
            except Exception as error:  # noqa: BLE001 - get_token may raise anything; it counts as the network
                verdict = self._recovery.judge(error)
                if verdict.stop is not None:
                    return self.stop(verdict.stop, _stop_error(verdict.stop, error))
            else:
                verdict = await self._stay(link)
                if verdict.stop is not None:
                    return self.stop(verdict.stop, _stop_error(verdict.stop, None))

            must_renew_token = verdict.new_token
            if verdict.new_token:
                self._tokens.forget()

            if not verdict.at_once:
                delay = self._recovery.next_delay(verdict)
                self._change("waiting", verdict.reason, delay)
                await self._recovery.pause(delay)

    async def _attempt(self, *, refused: bool) -> Link:
        self._attempts += 1
        number = self._attempts
        token = await self._tokens.for_connecting(refused=refused)
        return await within(self._clock, self._options.open_timeout, self._open(number, token))

    async def _open(self, number: int, token: str) -> Link:
        """Open a connection, and wait for the first reply on it."""
        socket = await self._open_socket(self._url, token)
        link = Link(number, socket, self._clock, self._emitter.tasks, self._hooks.take_text)
        before, self.link = self.link, link
        self._moves[link] = asyncio.Event()
        self._ends[link] = link.opened_at + CUT_SECONDS
        try:
            self._hooks.opened(link)
            await first_reply(link)
        except BaseException:
            self.link = before if before is not None and before.is_open else None
            self._lose(link, Loss(1006))
            link.end()
            raise
        return link

    async def _stay(self, link: Link) -> Verdict:
        """Stay connected, through any number of moves, until the connection is lost."""
        connected_at = self._clock.monotonic()
        self._adopt(link)
        self._change("connected")
        self._settle(None)
        while not link.ended.done():
            moving = asyncio.ensure_future(self._moves[link].wait())
            first: set[asyncio.Future[Any]] = {moving, link.ended}
            try:
                await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
            finally:
                moving.cancel()
            if not link.ended.done():
                link = await self._move(link)
        loss = link.ended.result()
        self._recovery.note_stay(self._clock.monotonic() - connected_at)
        self._lose(link, loss)
        return judge_loss(loss)

    def _adopt(self, link: Link) -> None:
        self._recovery.note_connected()
        shortest, spread = MAX_AGE_SECONDS
        age = self._options.max_age or shortest + spread * self._random()
        self._timers[link, "age"] = self._clock.call_later(age, lambda: self.move(link))
        self._hooks.adopted(link)

    async def _move(self, old: Link) -> Link:
        """Open a second connection, and leave the first when its answers are in; returns the one to use."""
        self._moves[old].clear()
        try:
            new = await self._attempt(refused=False)
        except Exception as error:  # noqa: BLE001 - as in `_main`
            self._recovery.judge(error)
            self._hooks.returned(old)
            # Everybody who was refused comes back at a moment of their own, not all at the end.
            left = max(0.0, self._ends[old] - self._clock.monotonic())
            self._timers[old, "cut"] = self._clock.call_later(self._random() * left, old.end)
            return old
        self._adopt(new)
        self._emitter.tasks.start(self._leave(old))
        return new

    async def _leave(self, old: Link) -> None:
        """Wait for the answers that an old connection owes, then close it."""
        until = self._clock.monotonic() + DRAIN_SECONDS
        while self._hooks.in_flight(old) and old.is_open and self._clock.monotonic() < until:
            await sleep(self._clock, 0.1)
        self._lose(old, Loss(1000, "moved"))
        with suppress(TimeoutError):
            await within(self._clock, CLOSE_SECONDS, old.close())

    def _lose(self, link: Link, loss: Loss) -> None:
        if link not in self._moves:
            return
        self._forget(link)
        if self.link is link:
            self.link = None
        self._hooks.lost(link, loss, is_last=not self._moves)

    def _forget(self, link: Link) -> None:
        self._moves.pop(link, None)
        self._ends.pop(link, None)
        for name in ("age", "cut"):
            if (timer := self._timers.pop((link, name), None)) is not None:
                timer.cancel()

    def _change(
        self, state: State, reason: WaitReason | StopReason | None = None, retry_in: float | None = None
    ) -> None:
        if self.state in {state, "closed"}:
            return
        previous, self.state = self.state, state
        self._emitter.emit("state", StateChange(state, previous, reason, retry_in))

    def _settle(self, error: DealsError | None) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done() and error is None:
                waiter.set_result(None)
            elif not waiter.done() and error is not None:
                waiter.set_exception(error)


async def _close_all(links: list[Link]) -> None:
    await asyncio.gather(*(link.close() for link in links))


def _stop_error(reason: StopReason, cause: Exception | None) -> DealsError:
    kind = NotAuthorized if reason == "notAuthorized" else ConfigurationError
    error = kind(f"the service refused the connection: {cause or 'it asked not to come back'}")
    error.__cause__ = cause
    return error
