"""A WebSocket without a network: a server that answers a client at once, in the same process."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from clients.conformance.runner.service import Peer, Service, frame
from deals_client.sockets import SocketClosed

_CLOSED = object()


class MemorySocket:
    """One connection to a service; `push` hands the client a text."""

    def __init__(self, service: Service, peer: Peer) -> None:
        self._service, self.peer = service, peer
        self._texts: asyncio.Queue[Any] = asyncio.Queue()

    def push(self, text: str) -> None:
        """Send the client a text."""
        self._texts.put_nowait(text)

    def drop(self) -> None:
        """Cut the connection."""
        self._texts.put_nowait(_CLOSED)

    async def send(self, text: str) -> None:
        """Answer a request."""
        request = json.loads(text)
        if "requestId" in request:
            data = request.get("data") or {}
            reply = self._service.perform(self.peer, request["action"], data, request["requestId"])
            self.push(json.dumps(frame(*reply, self._service.now, request["requestId"])))

    async def receive(self) -> str:
        """Return the next text for the client."""
        text = await self._texts.get()
        if text is _CLOSED:
            raise SocketClosed(1006)
        return str(text)

    async def close(self) -> None:
        """Close."""

    def abort(self) -> None:
        """Close."""
