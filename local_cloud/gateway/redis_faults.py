"""Troubling Redis: the way to it, by its relay, and the server itself where the cloud runs one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from local_cloud.gateway.relay import Relay


class Server(Protocol):
    """The process behind the relay."""

    def pause(self) -> None:
        """Stop it in its tracks."""

    def resume(self) -> None:
        """Let it go on."""

    def kill(self) -> None:
        """End it at once, with all that it held."""

    def run(self) -> None:
        """Start it, empty. Raises CloudFailed."""


class RedisFaults:
    """What the control API does to Redis."""

    def __init__(self, relay: Relay, server: Server | None = None) -> None:
        self._relay, self._server = relay, server

    @property
    def state(self) -> str:
        """Of the relay: `open`, `paused` or `cut`."""
        return self._relay.state

    async def apply(self, given: dict[str, Any]) -> dict[str, Any]:
        """Do what is asked, and say how the relay is. Raises KeyError, ValueError, LookupError."""
        if not given.keys() & {"state", "delay_ms", "server"}:
            raise KeyError("state")
        if "server" in given:
            await asyncio.to_thread(self._on_server(str(given["server"])))
        if "delay_ms" in given:
            self._relay.delay(given["delay_ms"])
        if "state" in given:
            self._relay.switch(str(given["state"]))
        return {"state": self._relay.state, "delay_ms": self._relay.delay_ms}

    def _on_server(self, name: str) -> Callable[[], None]:
        if self._server is None:
            raise LookupError("redis: the server is none of this cloud's; start it with --redis-server")
        does = {"suspend": self._server.pause, "resume": self._server.resume, "restart": self._restart}
        if name not in does:
            raise ValueError(f"server: {name!r}; give {', '.join(does)}")
        return does[name]

    def _restart(self) -> None:
        assert self._server is not None, "looked at before"  # noqa: S101
        self._server.kill()
        self._server.run()
