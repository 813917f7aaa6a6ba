"""One WebSocket on an accepted connection: RFC 6455 by wsproto, with API Gateway's size limits.

A frame may have 32 KB and a message 128 KB, so a longer message comes in several frames.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Callable

from wsproto import ConnectionType
from wsproto.connection import Connection, ConnectionState
from wsproto.events import BytesMessage, CloseConnection, Ping, TextMessage

# The developer guide's apigateway-execution-service-websocket-limits-table.html
MAX_FRAME_BYTES = 32 * 1024
MAX_MESSAGE_BYTES = 128 * 1024
# With this much unsent, the client's buffer counts as full, and PostToConnection fails with 429.
MAX_UNSENT_BYTES = 1024 * 1024
# How long a client may take to answer a close frame before the connection is closed.
CLOSE_GRACE_S = 2.0

# RFC 6455, 4.1: the only version, and the length of a client's key.
VERSION = "13"
KEY_BYTES = 16

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def compute_accept_key(key: str) -> str:
    """Return `Sec-WebSocket-Accept` for the client's `Sec-WebSocket-Key` (RFC 6455, 4.2.2)."""
    return base64.b64encode(hashlib.sha1(key.encode() + _GUID, usedforsecurity=False).digest()).decode()


def is_key(key: str) -> bool:
    """Return whether a text is a `Sec-WebSocket-Key`: 16 bytes in base64 (RFC 6455, 4.1)."""
    try:
        return len(base64.b64decode(key, validate=True)) == KEY_BYTES
    except ValueError:
        return False


class WebSocket:
    """Receives and sends the frames of one connection.

    The HTTP server feeds it with the bytes behind the handshake. `on_activity` is called for each read,
    `on_message` for each complete text message; `closed` is set once, and `code` and `reason` say why.
    """

    def __init__(
        self, transport: asyncio.Transport, on_message: Callable[[str], None], on_activity: Callable[[], None]
    ) -> None:
        self._transport = transport
        self._on_message, self._on_activity = on_message, on_activity
        self._protocol = Connection(ConnectionType.SERVER)
        self._parts: list[str] = []
        self._frame_bytes = self._message_bytes = 0
        self._half_open = False
        self.closed = asyncio.Event()
        self.code, self.reason = 1006, "Connection closed abnormally"

    @property
    def is_open(self) -> bool:
        """Whether a frame can still be sent."""
        return self._protocol.state is ConnectionState.OPEN and not self._transport.is_closing()

    @property
    def is_clogged(self) -> bool:
        """Whether the client has stopped reading."""
        return self._transport.get_write_buffer_size() > MAX_UNSENT_BYTES

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Take received bytes; the parser interface of the HTTP server."""
        self._protocol.receive_data(data)
        self._on_activity()

        for event in self._protocol.events():
            if isinstance(event, CloseConnection):
                self._closed_by_client(event)
            elif not self.is_open:
                continue
            elif isinstance(event, Ping):
                self._transport.write(self._protocol.send(event.response()))
            elif isinstance(event, BytesMessage):
                # The developer guide: websocket-api-develop-binary-media-types.html
                self.close(1003, "Binary frames are not supported")
            elif isinstance(event, TextMessage):
                self._take(event)

        return False, b""

    def feed_eof(self) -> None:
        """The connection has ended, with or without a close frame."""
        self.closed.set()

    def _take(self, part: TextMessage) -> None:
        size = len(part.data.encode())
        self._frame_bytes += size
        self._message_bytes += size
        self._parts.append(part.data)
        if self._frame_bytes > MAX_FRAME_BYTES or self._message_bytes > MAX_MESSAGE_BYTES:
            self.close(1009, "Message too big")
            return
        if part.frame_finished:
            self._frame_bytes = 0
        if part.message_finished:
            text = "".join(self._parts)
            self._parts, self._message_bytes = [], 0
            self._on_message(text)

    def _closed_by_client(self, event: CloseConnection) -> None:
        if self._protocol.state is ConnectionState.OPEN:
            # wsproto reports a protocol error or invalid UTF-8 this way; no close frame arrived.
            self.close(event.code, event.reason or "")
        elif self._protocol.state is ConnectionState.REMOTE_CLOSING:
            self.code, self.reason = event.code, event.reason or ""
            if event.code == 1005:
                self.reason = "Client-side close frame status not set"
            self._transport.write(self._protocol.send(event.response()))
        self.closed.set()

    def send(self, text: str) -> bool:
        """Send one message; return False when the connection is not open."""
        if not self.is_open:
            return False
        if self._half_open:
            return True  # as into the buffer of a connection whose other side is gone
        self._transport.write(self._protocol.send(TextMessage(text)))
        self._on_activity()
        return True

    def close(self, code: int, reason: str) -> None:
        """Send a close frame and give the client CLOSE_GRACE_S to answer it."""
        if not self.is_open:
            return
        self.code, self.reason = code, reason
        self._transport.write(self._protocol.send(CloseConnection(code, reason)))
        asyncio.get_running_loop().call_later(CLOSE_GRACE_S, self.closed.set)

    def stall(self) -> None:
        """Read and write nothing more, without a word to the client, as when packets get lost on the way."""
        self._half_open = True
        self._transport.pause_reading()

    def drop(self) -> None:
        """Abort the connection without a close frame, as a lost network does."""
        self._transport.abort()
