"""Tokens: one call of `get_token` at a time, and when a connection needs a newer one (rules 1, 4, 5).

A token is never parsed. How long it lives is what the service says, so the local clock may be wrong.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import TypeAlias, cast

from deals_client.clock import Clock, within
from deals_client.errors import ConfigurationError
from deals_client.options import Options
from deals_client.values import TokenReason

GetToken: TypeAlias = Callable[[TokenReason], Awaitable[str] | str]
"""Returns a token. Raises NotAuthorized to stop the client; any other error counts as one of the network."""

REUSE_SECONDS = 60.0
"""A token with less life left is not used for another connection."""
SHORT_LIFE_SECONDS = 300.0
TIMER_SECONDS_MAX = 3600.0
"""No timer runs longer, so a sleep of the machine delays a refresh by no more."""


class Tokens:
    """Asks the application for tokens, and keeps the last one while it is good."""

    def __init__(self, get_token: GetToken, options: Options, clock: Clock) -> None:
        self._get_token, self._options, self._clock = get_token, options, clock
        self._asking: asyncio.Future[str] | None = None
        self._kept: str | None = None
        self._good_until: float | None = None
        """On the monotonic clock; None while no server has told."""

    async def for_connecting(self, *, refused: bool) -> str:
        """Return a token to connect with: the kept one while it is good, so a storm spares the issuer."""
        if not refused and self._kept is not None and self._has_life():
            return self._kept
        return await self.ask("refused" if refused else "connect")

    async def ask(self, reason: TokenReason) -> str:
        """Return a new token. Raises what `get_token` raises, and TimeoutError."""
        if self._asking is None:
            self._asking = asyncio.ensure_future(self._ask(reason))
            self._asking.add_done_callback(self._asked)
        return await asyncio.shield(self._asking)

    def learn_life(self, seconds: float) -> None:
        """Take over how long the kept token lives from now, as the service says."""
        self._good_until = self._clock.monotonic() + seconds

    def forget(self) -> None:
        """Do not use the kept token again: the service has refused it or closed its connection."""
        self._kept = self._good_until = None

    def cancel(self) -> None:
        """Give up a call that is under way."""
        if self._asking is not None:
            self._asking.cancel()

    def _has_life(self) -> bool:
        return self._good_until is None or self._good_until - self._clock.monotonic() > REUSE_SECONDS

    async def _ask(self, reason: TokenReason) -> str:
        token = cast(object, await within(self._clock, self._options.token_timeout, self._call(reason)))
        if not isinstance(token, str) or not token:
            raise ConfigurationError(f"get_token: must return a token, not {type(token).__name__}")
        self._kept, self._good_until = token, None
        return token

    async def _call(self, reason: TokenReason) -> str:
        token = self._get_token(reason)
        return await token if isawaitable(token) else token

    def _asked(self, asked: asyncio.Future[str]) -> None:
        self._asking = None
        if not asked.cancelled():
            asked.exception()


def refresh_after(life: float, random: Callable[[], float]) -> float:
    """Return the seconds after which a token that lives `life` seconds is refreshed."""
    if life < SHORT_LIFE_SECONDS:
        return 0.8 * life
    return life - (60.0 + 30.0 * random())
