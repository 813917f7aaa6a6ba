"""The port to a WebSocket, by the library `websockets`."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI
from websockets.typing import Subprotocol

from deals_client.errors import ConfigurationError, HandshakeRefused
from deals_client.sockets import SocketClosed

MESSAGE_BYTES_MAX = 256 * 1024
LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
PROTOCOL: Subprotocol = Subprotocol("deals.v1")
_ABNORMAL = 1006

# The library writes the headers of a handshake, and with them the token, at the level DEBUG.
_logger = logging.getLogger("deals_client.websocket")
_logger.setLevel(logging.INFO)


def check_url(url: str) -> str:
    """Return a URL that a client may connect to. Raises ConfigurationError."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError as error:
        raise ConfigurationError(f"url: {error}") from error
    if parts.scheme not in {"wss", "ws"} or not host or parts.fragment:
        raise ConfigurationError(f"url: must be wss://HOST/STAGE, not {url!r:.100}")
    if parts.scheme == "ws" and host not in LOCAL_HOSTS:
        raise ConfigurationError("url: ws:// is for localhost only; use wss://, which keeps the token secret")
    if parts.username or parts.password or "token=" in parts.query:
        raise ConfigurationError("url: must not hold a secret; the token comes from get_token")
    return url


async def open_websocket(url: str, token: str) -> WebSocket:
    """Open a WebSocket. Raises HandshakeRefused, ConfigurationError, and OSError."""
    is_local = urlsplit(url).hostname in LOCAL_HOSTS
    try:
        connection = await connect(
            url,
            subprotocols=[PROTOCOL],
            additional_headers={"Authorization": f"Bearer {token}"},
            compression=None,
            max_size=MESSAGE_BYTES_MAX,
            # The client has its own time limits and its own heartbeat: AWS does not document answers to
            # pings of the protocol.
            open_timeout=None,
            ping_interval=None,
            close_timeout=1,
            proxy=None if is_local else True,
            logger=_logger,
        )
    except InvalidStatus as error:
        raise HandshakeRefused(error.response.status_code) from error
    except InvalidURI as error:
        raise ConfigurationError(f"url: {error}") from error
    except InvalidHandshake as error:
        raise OSError(f"the handshake failed: {error}") from error
    return WebSocket(connection)


class WebSocket:
    """An open connection of the library."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def send(self, text: str) -> None:
        """Send a text frame; the library waits while too much is unsent. Raises SocketClosed."""
        try:
            await self._connection.send(text)
        except ConnectionClosed as error:
            raise _closed(error) from error

    async def receive(self) -> str:
        """Return the next text. Raises SocketClosed."""
        try:
            text = await self._connection.recv()
        except ConnectionClosed as error:
            raise _closed(error) from error
        return text if isinstance(text, str) else text.decode(errors="replace")

    async def close(self) -> None:
        """Close as a well-behaved peer does."""
        await self._connection.close()

    def abort(self) -> None:
        """Cut the connection at once."""
        self._connection.transport.abort()


def _closed(error: ConnectionClosed) -> SocketClosed:
    if error.rcvd is None:
        return SocketClosed(_ABNORMAL)
    return SocketClosed(error.rcvd.code, error.rcvd.reason)
