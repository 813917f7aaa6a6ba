"""Faults of Redis: its tunnel paused, cut or slow, and its server suspended or restarted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from local_cloud.gateway.tunnel import Tunnel


class Server(Protocol):
    """The server process behind the tunnel."""

    def pause(self) -> None:
        """Suspend the process."""

    def resume(self) -> None:
        """Continue the suspended process."""

    def kill(self) -> None:
        """Kill the process, and lose its data."""

    def run(self) -> None:
        """Start the process, empty. Raises CloudFailed."""


class RedisFaults:
    """The faults of Redis that the control API offers."""

    def __init__(self, tunnel: Tunnel, server: Server | None = None) -> None:
        self._tunnel, self._server = tunnel, server

    @property
    def state(self) -> str:
        """The state of the tunnel: `open`, `paused` or `cut`."""
        return self._tunnel.state

    def watch(self, note: Callable[[int], Callable[[], None]]) -> None:
        """Count what passes the tunnel, by `Tunnel.watch`."""
        self._tunnel.watch = note

    async def apply(self, change: dict[str, Any]) -> dict[str, Any]:
        """Apply `server`, `delay_ms` and `state`; return the tunnel's state and delay.

        Raises KeyError without any of them, ValueError for a wrong value, LookupError without a server.
        """
        if not change.keys() & {"state", "delay_ms", "server"}:
            raise KeyError("state")
        if "server" in change:
            await asyncio.to_thread(self._choose_server_action(str(change["server"])))
        if "delay_ms" in change:
            self._tunnel.delay(change["delay_ms"])
        if "state" in change:
            self._tunnel.switch(str(change["state"]))
        return {"state": self._tunnel.state, "delay_ms": self._tunnel.delay_ms}

    def _choose_server_action(self, name: str) -> Callable[[], None]:
        if self._server is None:
            raise LookupError("redis: this cloud runs no server; start it with --redis-server")
        actions = {"suspend": self._server.pause, "resume": self._server.resume, "restart": self._restart}
        if name not in actions:
            raise ValueError(f"server: {name!r}; give {', '.join(actions)}")
        return actions[name]

    def _restart(self) -> None:
        assert self._server is not None, "checked by the caller"  # noqa: S101
        self._server.kill()
        self._server.run()
