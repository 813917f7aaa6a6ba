"""The port to a WebSocket: what the client needs of a library."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeAlias


class SocketClosed(Exception):
    """The connection has ended, with the code and reason of its close frame (1006: without one)."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(f"closed with {code} {reason}".rstrip())
        self.code = code
        self.reason = reason


class Socket(Protocol):
    """An open WebSocket."""

    async def send(self, text: str) -> None:
        """Send a text frame; returns once the transport can take more. Raises SocketClosed."""

    async def receive(self) -> str:
        """Return the next text. Raises SocketClosed."""
        ...

    async def close(self) -> None:
        """Close as a well-behaved peer does; may take as long as the peer likes."""

    def abort(self) -> None:
        """Cut the connection at once."""


OpenSocket: TypeAlias = Callable[[str, str], Awaitable[Socket]]
"""Opens a WebSocket to a URL with a token. Raises HandshakeRefused, and OSError for a network that fails."""
