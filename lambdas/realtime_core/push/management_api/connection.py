"""One TCP or TLS connection that carries one request at a time and never blocks."""

from __future__ import annotations

import errno
import math
import os
import socket
import ssl
from selectors import EVENT_READ, EVENT_WRITE
from typing import Any

from realtime_core.aws.http_response import BadResponse, HttpResponse, ResponseParser
from realtime_core.aws.idle_connections import has_received_nothing

FAULTS = (OSError, BadResponse)
"""What a connection may raise, after which it is of no use. TLS errors are OSErrors."""

Address = tuple[Any, ...]
"""One of the addresses that `socket.getaddrinfo` gives."""

# TLS gives at most one record at a time, and none is larger.
_READ_BYTES = 16 * 1024
BODY_BYTES_MAX = 1024 * 1024
"""Far more than @connections sends: a longer body comes from something else."""
_BLOCKED = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Connection:
    """A connection to one address.

    `deadline` (monotonic seconds) is when its current step times out, `idle_since` when it was last released
    (epoch seconds), `recipient` the payload and connection id that its request is for (None while idle), and
    `interest` the events that it waits for, as `selectors` names them. `may_be_stale` says whether it was
    idle and has not received anything since: then its end may have gone unnoticed.
    """

    __slots__ = (
        "_context", "_parser", "_receive", "_rest", "_send", "_server_name", "_session", "address",
        "deadline", "idle_since", "interest", "is_open", "may_be_stale", "recipient", "socket",
    )  # fmt: skip

    def __init__(
        self,
        address: Address,
        context: ssl.SSLContext | None,
        server_name: str,
        session: ssl.SSLSession | None = None,
    ) -> None:
        """Start connecting, with a TLS session to resume if given. Raises OSError if refused at once."""
        family, kind, protocol, _, where = address
        self.address = address
        self.recipient: tuple[int, str] | None = None
        self.deadline = math.inf
        self.idle_since = 0.0
        self.may_be_stale = False
        self.interest = EVENT_WRITE
        self.is_open = False
        self._context = context
        self._server_name = server_name
        self._session = session
        self._parser = ResponseParser(BODY_BYTES_MAX)
        self._rest = memoryview(b"")
        self.socket = socket.socket(family, kind, protocol)
        self.socket.setblocking(False)
        code = self.socket.connect_ex(where)
        if code not in {0, errno.EINPROGRESS}:
            self.socket.close()
            raise OSError(code, os.strerror(code))

    def continue_opening(self) -> bool:
        """Take the next step of connecting after an event. Returns whether the connection is open.

        Raises OSError: ssl.SSLCertVerificationError where the server's certificate does not verify.
        """
        if not isinstance(self.socket, ssl.SSLSocket):
            if code := self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                raise OSError(code, os.strerror(code))
            # A request goes out at once, not when an earlier segment has been acknowledged.
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
        """The TLS session that spares other connections most of the handshake; None until there is one."""
        if not self.is_open or not isinstance(self.socket, ssl.SSLSocket):
            return None
        session = self.socket.session
        # In TLS 1.3 there is a session from the start, but its ticket comes with the first response.
        return session if session is not None and session.has_ticket else None

    @property
    def sent(self) -> bool:
        """Whether all of the request has been sent: only then can the server have acted on it."""
        return not self._rest

    def send(self, request: bytes) -> None:
        """Send as much of a request as the socket takes. Raises OSError."""
        try:
            count = self._send(request)
        except _BLOCKED:
            count = 0
        if count < len(request):
            self._rest = memoryview(request)[count:]
            self.flush()

    def flush(self) -> None:
        """Send more of the request. Raises OSError."""
        try:
            while self._rest:
                self._rest = self._rest[self._send(self._rest) :]
        except _BLOCKED:
            self.interest = EVENT_READ | EVENT_WRITE
        else:
            self.interest = EVENT_READ

    def receive(self) -> HttpResponse | None:
        """Receive what has come. Returns the response if it is complete. Raises OSError and BadResponse."""
        try:
            data = self._receive(_READ_BYTES)
        except _BLOCKED:
            return None
        if data:
            self.may_be_stale = False
            response = self._parser.feed(data)
        else:
            response = self._parser.end()
            if response is None:
                raise ConnectionResetError(errno.ECONNRESET, "closed without a response")

        if response is not None and self._rest:  # the server did not read the whole request
            return response._replace(reusable=False)
        return response

    def is_alive(self) -> bool:
        """Whether it has received nothing while it was idle, but what TLS sends by itself."""
        return has_received_nothing(self.socket)

    def close(self) -> None:
        """Close at once; what was sent may still arrive."""
        self.socket.close()
