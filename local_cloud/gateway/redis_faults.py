"""Faults of Redis: its tunnel paused, cut or slow, and its server suspended or restarted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from local_cloud.gateway.control_calls import BadCall, NotFound, Unavailable
from local_cloud.gateway.control_fields import read_number
from local_cloud.gateway.faults import SECONDS_MAX
from local_cloud.settings import CloudFailed

if TYPE_CHECKING:
    from local_cloud.gateway.tunnel import Tunnel

_SERVER_ACTIONS = ("suspend", "resume", "restart")


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
        self._ends: dict[str, asyncio.TimerHandle] = {}

    @property
    def state(self) -> str:
        """The state of the tunnel: `open`, `paused` or `cut`."""
        return self._tunnel.state

    def watch(self, note: Callable[[int], Callable[[], None]]) -> None:
        """Count what passes the tunnel, by `Tunnel.watch`."""
        self._tunnel.watch = note

    async def apply(self, change: dict[str, Any]) -> dict[str, Any]:
        """Apply `server`, `delay_ms` and `state`; return the tunnel's state and delay.

        After `seconds` what was applied ends, but for what a later call changed. Raises BadCall without any
        of them or for a wrong value, NotFound without a server, Unavailable if the server does not start.
        """
        self._check(change)
        for name in change.keys() & self._ends.keys():
            self._ends.pop(name).cancel()
        if "server" in change:
            await self._change_server(change["server"])
        if "delay_ms" in change:
            self._tunnel.delay(change["delay_ms"])
        if "state" in change:
            self._tunnel.switch(change["state"])
        if "seconds" in change:
            self._end_later(change)
        return {"state": self._tunnel.state, "delay_ms": self._tunnel.delay_ms}

    def _check(self, change: dict[str, Any]) -> None:
        if not change.keys() & {"state", "delay_ms", "server"}:
            raise BadCall("state: missing")
        if "server" in change:
            if self._server is None:
                raise NotFound("redis: this cloud runs no server; start it with --redis-server")
            if change["server"] not in _SERVER_ACTIONS:
                raise BadCall(f"server: {change['server']!r:.100}; give {', '.join(_SERVER_ACTIONS)}")
        if "delay_ms" in change:
            self._tunnel.check_delay(change["delay_ms"])
        if "state" in change:
            self._tunnel.check_state(change["state"])
        if "seconds" in change:
            read_number(change, "seconds", 0, 0, SECONDS_MAX, is_open=True)

    async def _change_server(self, action: str) -> None:
        assert self._server is not None, "checked by the caller"  # noqa: S101
        actions = {"suspend": self._server.pause, "resume": self._server.resume, "restart": self._restart}
        try:
            await asyncio.to_thread(actions[action])
        except CloudFailed as error:
            raise Unavailable(f"redis: {error}") from error

    def _restart(self) -> None:
        assert self._server is not None, "checked by the caller"  # noqa: S101
        self._server.kill()
        self._server.run()

    def _end_later(self, change: dict[str, Any]) -> None:
        """End a change after its `seconds`, each part by itself: a later call may change one of them."""
        ways: dict[str, Callable[[], None]] = {
            "state": lambda: self._tunnel.switch("open"),
            "delay_ms": lambda: self._tunnel.delay(0),
        }
        if self._server is not None and change.get("server") == "suspend":
            ways["server"] = self._server.resume
        for name in ways.keys() & change.keys():
            self._ends[name] = asyncio.get_running_loop().call_later(change["seconds"], ways[name])
