"""One TCP or TLS connection that carries one request at a time and never blocks."""

from __future__ import annotations

import errno
import math
import os
import socket
import ssl
from selectors import EVENT_READ, EVENT_WRITE
from typing import Any

from realtime_core.aws.http_response import BadResponse, Response, ResponseParser

FAULTS = (OSError, BadResponse)
"""What using a connection may raise; it is of no use afterwards. TLS errors are OSErrors."""

Address = tuple[Any, ...]
"""One of the addresses that `socket.getaddrinfo` gives."""

# TLS gives at most one record at a time, and none is larger.
_READ_BYTES = 16 * 1024
_BLOCKED = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Connection:
    """A connection to one address.

    `deadline` (monotonic seconds) is when whoever waits for it gives up, `since` when it was last released,
    `task` what it is busy with, and `interest` what it waits for, in the terms of `selectors`.
    """

    __slots__ = (
        "_context", "_parser", "_receive", "_rest", "_send", "_server_name", "_session", "address",
        "deadline", "interest", "is_open", "since", "socket", "task",
    )  # fmt: skip

    def __init__(
        self,
        address: Address,
        context: ssl.SSLContext | None,
        server_name: str,
        session: ssl.SSLSession | None = None,
    ) -> None:
        """Begin to connect, to resume a session of TLS if one is given. Raises OSError if refused at once."""
        family, kind, protocol, _, where = address
        self.address = address
        self.task: str | None = None
        self.deadline = math.inf
        self.since = 0.0
        self.interest = EVENT_WRITE
        self.is_open = False
        self._context = context
        self._server_name = server_name
        self._session = session
        self._parser = ResponseParser()
        self._rest = memoryview(b"")
        self.socket = socket.socket(family, kind, protocol)
        self.socket.setblocking(False)
        code = self.socket.connect_ex(where)
        if code not in {0, errno.EINPROGRESS}:
            self.socket.close()
            raise OSError(code, os.strerror(code))

    def go_on_opening(self) -> bool:
        """Take the next step of connecting, once there was an event; whether that was the last.

        Raises OSError, ssl.SSLCertVerificationError where the other side is not who it should be.
        """
        if not isinstance(self.socket, ssl.SSLSocket):
            if code := self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                raise OSError(code, os.strerror(code))
            # A request goes out at once, not when the answer to an earlier one has been acknowledged.
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._context is not None:
                self.socket = self._context.wrap_socket(
                    self.socket,
                    server_hostname=self._server_name,
                    do_handshake_on_connect=False,
                    session=self._session,
                )
        if isinstance(self.socket, ssl.SSLSocket):
            try:
                self.socket.do_handshake()
            except ssl.SSLWantReadError:
                self.interest = EVENT_READ
                return False
            except ssl.SSLWantWriteError:
                self.interest = EVENT_WRITE
                return False
        self._send, self._receive = self.socket.send, self.socket.recv
        self.interest = EVENT_READ
        self.is_open = True
        return True

    @property
    def session(self) -> ssl.SSLSession | None:
        """What lets another connection skip most of its handshake; None before the server has offered it."""
        if not self.is_open or not isinstance(self.socket, ssl.SSLSocket):
            return None
        session = self.socket.session
        # TLS 1.3 has a session from the start, but its ticket comes with the first answer.
        return session if session is not None and session.has_ticket else None

    @property
    def sent(self) -> bool:
        """Whether all of the request has left: only then can it have been acted on."""
        return not self._rest

    def send(self, request: bytes) -> None:
        """Send a request, as much of it as goes. Raises OSError."""
        try:
            count = self._send(request)
        except _BLOCKED:
            count = 0
        if count < len(request):
            self._rest = memoryview(request)[count:]
            self.flush()

    def flush(self) -> None:
        """Send on. Raises OSError."""
        try:
            while self._rest:
                self._rest = self._rest[self._send(self._rest) :]
        except _BLOCKED:
            self.interest = EVENT_READ | EVENT_WRITE
        else:
            self.interest = EVENT_READ

    def receive(self) -> Response | None:
        """The answer, if it is all there. Raises OSError and BadResponse."""
        try:
            data = self._receive(_READ_BYTES)
        except _BLOCKED:
            return None
        if data:
            response = self._parser.feed(data)
        else:
            response = self._parser.end()
            if response is None:
                raise ConnectionResetError(errno.ECONNRESET, "closed without an answer")
        if response is not None and self._rest:  # answered before it was heard out
            return response._replace(reusable=False)
        return response

    def close(self) -> None:
        """Close at once; what was sent may or may not arrive."""
        self.socket.close()
