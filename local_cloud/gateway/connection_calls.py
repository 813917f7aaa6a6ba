"""The control calls on open connections: list them, drop one, or leave it half-open."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from local_cloud.gateway.control_calls import NotFound
from local_cloud.gateway.control_fields import read_flag, read_number, read_whole

if TYPE_CHECKING:
    from local_cloud.gateway.control_calls import ControlCalls
    from local_cloud.gateway.gateway import Gateway, Session

HALF_OPEN_S = 30.0
HALF_OPEN_S_MAX = 600.0
_LOST_MAX = 1_000_000


class ConnectionCalls:
    """What the control API does to the connections of a gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def calls(self) -> ControlCalls:
        """Return the calls by method and path."""
        return {
            "GET connections": lambda _: [self._describe(i) for i in self._gateway.sessions],
            "POST connections/([^/]+)/drop": self._drop,
            "POST connections/([^/]+)/half-open": self._leave_half_open,
            "POST lose-disconnects": self._lose_disconnects,
        }

    def _drop(self, body: dict[str, Any], connection_id: str) -> dict[str, Any]:
        loses_disconnect = read_flag(body, "lose_disconnect", default=False)
        session = find_session(self._gateway, connection_id)
        session.loses_disconnect = loses_disconnect
        session.socket.drop()
        return {"dropped": connection_id}

    def _leave_half_open(self, body: dict[str, Any], connection_id: str) -> dict[str, Any]:
        seconds = read_number(body, "seconds", HALF_OPEN_S, 0, HALF_OPEN_S_MAX, is_open=True)
        session = find_session(self._gateway, connection_id)
        session.socket.stall()
        asyncio.get_running_loop().call_later(seconds, session.socket.drop)
        return {"half_open": connection_id, "seconds": seconds}

    def _lose_disconnects(self, body: dict[str, Any]) -> dict[str, Any]:
        self._gateway.disconnects_to_lose = read_whole(body, "times", 1, 0, _LOST_MAX)
        return {"times": self._gateway.disconnects_to_lose}

    def _describe(self, connection_id: str) -> dict[str, Any]:
        session = self._gateway.sessions[connection_id]
        now = self._gateway.clock.now()
        return {
            "connection_id": connection_id,
            "api_id": session.peer.api_id,
            "stage": session.peer.stage,
            "open_s": round(now - session.opened, 3),
            "idle_s": round(now - session.active, 3),
            "authorizer": session.peer.authorizer,
        }


def find_session(gateway: Gateway, connection_id: str) -> Session:
    """Return an open connection. Raises NotFound."""
    session = gateway.sessions.get(connection_id)
    if session is None:
        raise NotFound(f"connections: {connection_id!r} is not open")
    return session
