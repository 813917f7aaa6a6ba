"""Requests and their replies: repeated with the same id until the deadline, queued while offline (rule 8)."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from deals_client.clock import Timer
from deals_client.errors import (
    AuthenticationError,
    DealsError,
    NoReply,
    QueueFull,
    RateLimited,
    error_of_frame,
    retry_after,
)
from deals_client.frames import Frame, encode_request
from deals_client.link import Link
from deals_client.refusals import BAD_FRAME_CODES, Loss
from deals_client.runtime import Runtime
from deals_client.wire import Action

QUICK_LOSS_SECONDS = 5.0
QUICK_LOSSES_MAX = 2
"""A request that was in flight at so many losses, each within five seconds, may be their cause."""
RETRY_BASE_SECONDS = 1.0
RETRY_CAP_SECONDS = 10.0


class ConnectionLost(Exception):
    """The connection of a request that belongs to it is gone."""


@dataclass(eq=False, slots=True)
class _Pending:
    request_id: str
    action: str
    text: str
    reply: asyncio.Future[Frame]
    survives: bool
    deadline: float
    link: Link | None = None
    """Where it was written last, or None while it waits."""
    written_at: float = 0.0
    quick_losses: int = 0
    tries: int = 0
    has_refreshed: bool = False
    last_error: DealsError | None = None
    timers: dict[str, Timer] = field(default_factory=dict[str, Timer])


class Requests:
    """The requests of a client, over all of its connections.

    `refresh` brings the connection a newer token; `reconnect` gives a connection up; `doubt` asks whether
    one is alive.
    """

    def __init__(
        self,
        runtime: Runtime,
        *,
        refresh: Callable[[Link], Awaitable[None]],
        reconnect: Callable[[Link], None],
        doubt: Callable[[Link], None],
    ) -> None:
        self._options, self._clock, self._random = runtime.options, runtime.clock, runtime.random
        self._tasks = runtime.emitter.tasks
        self._refresh, self._reconnect, self._doubt = refresh, reconnect, doubt
        self._pending: dict[str, _Pending] = {}
        self._link: Link | None = None

    def __len__(self) -> int:
        return len(self._pending)

    async def ask(
        self,
        action: Action,
        data: Mapping[str, Any] | None = None,
        *,
        request_id: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - of all tries, on the client's clock
        link: Link | None = None,
    ) -> Frame:
        """Return the frame that answers a request. Raises DealsError.

        With a `link` the request belongs to that connection: ConnectionLost is raised where it ends.
        """
        request_id = request_id or str(uuid.uuid4())
        text = encode_request(action, data, request_id)
        if request_id in self._pending:
            raise DealsError(f"{action}: a request with this id is under way", request_id=request_id)
        self._check_room(text, link)

        seconds = self._options.request_timeout if timeout is None else timeout
        reply, deadline = asyncio.get_running_loop().create_future(), self._clock.monotonic() + seconds
        pending = _Pending(request_id, action, text, reply, link is None, deadline)
        self._pending[request_id] = pending
        pending.timers["deadline"] = self._clock.call_later(seconds, lambda: self._expire(pending))
        self._write(pending, link or self._link)
        try:
            return await pending.reply
        finally:
            self._pending.pop(request_id, None)
            for timer in pending.timers.values():
                timer.cancel()

    def use(self, link: Link | None) -> None:
        """Send by this connection from now on, first of all what waits."""
        self._link = link
        for pending in tuple(self._pending.values()):
            # What another connection has in flight may still be answered there.
            if pending.survives and pending.link is None:
                self._write(pending, link)

    def take(self, link: Link, frame: Frame) -> bool:
        """Settle the request that a frame answers; returns whether it answers one."""
        pending = self._pending.get(str(frame.get("requestId")))
        if pending is None or pending.reply.done():
            return False
        self._stop(pending, "attempt")
        if frame.get("type") != "error":
            pending.reply.set_result(frame)
        else:
            self._take_error(pending, link, frame.get("data") or {})
        return True

    def lose(self, link: Link, loss: Loss) -> None:
        """Take over what was in flight on a connection that ended, by another or once there is one."""
        if self._link is link:
            self._link = None
        for pending in tuple(self._pending.values()):
            if pending.link is not link or pending.reply.done():
                continue
            self._stop(pending, "attempt", "retry")
            pending.link = None
            if not pending.survives:
                pending.reply.set_exception(ConnectionLost())
            elif self._is_blamed(pending, link, loss):
                pending.reply.set_exception(self._no_reply(pending, f"the connection closed ({loss.code})"))
            else:
                self._write(pending, self._link)

    def in_flight(self, link: Link) -> int:
        """Return how many requests await their answer on a connection."""
        return sum(pending.link is link for pending in self._pending.values())

    def fail(self, error: Callable[[], DealsError]) -> None:
        """Reject all that waits."""
        for pending in self._pending.values():
            if not pending.reply.done():
                pending.reply.set_exception(error() if pending.survives else ConnectionLost())

    def _is_blamed(self, pending: _Pending, link: Link, loss: Loss) -> bool:
        if loss.code in BAD_FRAME_CODES and link.last_request == pending.request_id:
            return True
        if self._clock.monotonic() - pending.written_at <= QUICK_LOSS_SECONDS:
            pending.quick_losses += 1
        return pending.quick_losses >= QUICK_LOSSES_MAX

    def _check_room(self, text: str, link: Link | None) -> None:
        if link is not None or self._link is not None:
            return
        waiting = [pending for pending in self._pending.values() if pending.link is None]
        used = sum(len(pending.text) for pending in waiting)
        options = self._options
        if len(waiting) >= options.queue_requests or used + len(text) > options.queue_bytes:
            raise QueueFull(f"{len(waiting)} requests wait for a connection already")

    def _write(self, pending: _Pending, link: Link | None) -> None:
        if link is None or not link.is_open or pending.reply.done():
            return
        self._stop(pending, "retry", "attempt")
        pending.link, pending.written_at = link, self._clock.monotonic()
        link.write(pending.text, pending.request_id)
        pending.timers["attempt"] = self._clock.call_later(
            self._options.attempt_timeout, lambda: self._attempt_again(pending)
        )

    def _attempt_again(self, pending: _Pending) -> None:
        """Send a request again that has no reply; if nothing else came either, ask whether anybody hears."""
        link = pending.link
        if link is not None and link.heard_at < pending.written_at:
            self._doubt(link)
        self._write(pending, link if not pending.survives else self._link)

    def _take_error(self, pending: _Pending, link: Link, data: Mapping[str, Any]) -> None:
        error = error_of_frame(data, pending.request_id)
        wait = retry_after(data)
        if isinstance(error, RateLimited):
            error.retry_after = wait or 0.0
        pending.last_error = error

        if error.code == "CONNECTION_ERROR":
            self._reconnect(link)
        elif isinstance(error, AuthenticationError) and self._may_refresh(pending):
            pending.has_refreshed = True
            self._tasks.start(self._refresh_and_repeat(pending, link))
        elif not error.retryable or isinstance(error, AuthenticationError):
            pending.reply.set_exception(error)
        else:
            self._retry(pending, error, wait)

    def _may_refresh(self, pending: _Pending) -> bool:
        return not pending.has_refreshed and pending.action != "refreshToken"

    def _retry(self, pending: _Pending, error: DealsError, wait: float | None) -> None:
        """Repeat a request after a while, if its deadline allows that."""
        delay, link = self._retry_delay(pending, wait), pending.link
        if delay > pending.deadline - self._clock.monotonic():
            pending.reply.set_exception(error)
            return
        pending.timers["retry"] = self._clock.call_later(
            delay, lambda: self._write(pending, self._link if pending.survives else link)
        )

    def _retry_delay(self, pending: _Pending, wait: float | None) -> float:
        pending.tries += 1
        if wait is not None:
            return wait * (1.0 + 0.2 * self._random())
        limit = min(RETRY_CAP_SECONDS, RETRY_BASE_SECONDS * 2.0 ** min(pending.tries - 1, 10))
        return limit * (0.5 + self._random() / 2)

    async def _refresh_and_repeat(self, pending: _Pending, link: Link) -> None:
        try:
            await self._refresh(link)
        except DealsError:
            if not pending.reply.done() and pending.last_error is not None:
                pending.reply.set_exception(pending.last_error)
        else:
            self._write(pending, self._link if pending.survives else link)

    def _expire(self, pending: _Pending) -> None:
        if not pending.reply.done():
            error = pending.last_error or self._no_reply(pending, "within its deadline")
            pending.reply.set_exception(error)

    def _no_reply(self, pending: _Pending, why: str) -> NoReply:
        return NoReply(f"{pending.action} has no reply: {why}", request_id=pending.request_id)

    def _stop(self, pending: _Pending, *names: str) -> None:
        for name in names:
            if (timer := pending.timers.pop(name, None)) is not None:
                timer.cancel()
