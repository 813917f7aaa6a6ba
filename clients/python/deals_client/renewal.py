"""Keeps the token of a connection fresh (rule 5)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from deals_client.clock import EARLY_SECONDS, Timer
from deals_client.errors import DealsError, NotAuthorized
from deals_client.frames import Frame
from deals_client.link import Link
from deals_client.requests import ConnectionLost
from deals_client.runtime import Runtime
from deals_client.tokens import TIMER_SECONDS_MAX, Tokens, refresh_after
from deals_client.wire import Action

RETRY_SECONDS = 5.0
"""Grows by as much with each failure."""

Ask = Callable[[Action, Mapping[str, Any], Link], Awaitable[Frame]]


class TokenRenewal:
    """Refreshes the token of the newest connection before it expires, or when it is asked to."""

    def __init__(
        self,
        runtime: Runtime,
        tokens: Tokens,
        ask: Ask,
        on_not_authorized: Callable[[NotAuthorized], None],
    ) -> None:
        self._clock, self._random, self._emitter = runtime.clock, runtime.random, runtime.emitter
        self._tokens, self._ask, self._on_not_authorized = tokens, ask, on_not_authorized
        self._timer: Timer | None = None
        self._refreshing: asyncio.Task[None] | None = None
        self._failures = 0
        self._ends_at: float | None = None
        """When the connection's token expires, on the monotonic clock."""

    def learn(self, link: Link, life: float) -> None:
        """Take over how long the connection's token lives, and plan its refresh."""
        self._tokens.learn_life(life)
        self._ends_at = self._clock.monotonic() + life
        self._plan(link, self._clock.monotonic() + max(0.0, refresh_after(life, self._random)))

    def stop(self) -> None:
        """Clear the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def refresh(self, link: Link) -> None:
        """Replace a token that was refused, unless that is under way. Raises DealsError."""
        if self._refreshing is None:
            # The server refuses the old one, so any that it takes is better.
            self._ends_at = None
            self._refreshing = self._emitter.tasks.start(self._refresh(link))
            self._refreshing.add_done_callback(self._done)
        await asyncio.wait({self._refreshing})
        if self._failures:
            raise DealsError("the token could not be refreshed")

    def refresh_soon(self, link: Link) -> None:
        """Refresh in the background."""
        if self._refreshing is None:
            self._refreshing = self._emitter.tasks.start(self._refresh(link))
            self._refreshing.add_done_callback(self._done)

    def _done(self, _task: asyncio.Task[None]) -> None:
        self._refreshing = None

    async def _refresh(self, link: Link) -> None:
        left = 0.0 if self._ends_at is None else self._ends_at - self._clock.monotonic()
        try:
            token = await self._tokens.ask("expiring")
            reply = await self._ask("refreshToken", {"token": token}, link)
        except NotAuthorized as error:
            self._failures += 1
            self._on_not_authorized(error)
        except ConnectionLost:
            return
        except Exception as error:  # noqa: BLE001 - get_token may raise anything
            self._fail(link, f"{type(error).__name__}", error)
        else:
            life = float(reply["data"]["expiresAt"] - reply["timestamp"])
            if life <= left:
                self._fail(link, "get_token returned a token that lives no longer than the old one", None)
            else:
                self._failures = 0
                self.learn(link, life)

    def _fail(self, link: Link, why: str, error: Exception | None) -> None:
        self._failures += 1
        self._emitter.warn("tokenNotRefreshed", why, error)
        self._plan(link, self._clock.monotonic() + RETRY_SECONDS * self._failures)

    def _plan(self, link: Link, due: float) -> None:
        self.stop()
        wait = min(TIMER_SECONDS_MAX, max(0.0, due - self._clock.monotonic()))
        self._timer = self._clock.call_later(wait, lambda: self._look(link, due))

    def _look(self, link: Link, due: float) -> None:
        self._timer = None
        if not link.is_open:
            return
        if self._clock.monotonic() < due - EARLY_SECONDS:
            self._plan(link, due)
        else:
            self.refresh_soon(link)
