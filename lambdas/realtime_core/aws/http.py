"""A pool of HTTP/1.1 connections to one endpoint that stay open, one request at a time on each."""

import socket
import ssl
import time
from collections import deque

from realtime_core.aws.endpoint import Endpoint, tls_context, use_system_authorities
from realtime_core.aws.http_response import HttpResponse, ResponseParser
from realtime_core.aws.idle_connections import is_alive, is_stale, was_idle_for_long

# TLS gives at most one record at a time, and none is larger.
READ_BYTES = 16 * 1024
BODY_BYTES_MAX = 128 * 1024 * 1024
"""DynamoDB's largest response, 16 MB of items, with ample room for what JSON adds to it."""
IDLE_MAX = 20
"""The largest pool of threads that shares a client: lookups use 16."""
IDLE_SECONDS_MAX = 50.0
"""How long an idle connection is trusted: DynamoDB closes it after about a minute (aws/aws-sdk-java#1365)."""


class HttpPool:
    """Connections to one endpoint. Safe to share between threads: each request has a connection to itself."""

    def __init__(self, endpoint: Endpoint, connect_timeout: float, read_timeout: float) -> None:
        self._endpoint = endpoint
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._idle: deque[_Connection] = deque()

    def exchange(self, request: bytes) -> HttpResponse:
        """Send a request and return the response. Raises OSError and BadResponse.

        A connection that ended while it was idle is not a fault: the request goes out on a new one, once.
        """
        connection = self._take_idle()
        if connection is not None:
            try:
                return self._exchange(connection, request)
            except _StaleConnection:
                pass
        return self._exchange(self._open(), request)

    def open_ahead(self) -> None:
        """Open a connection for a request that is still to come. Raises OSError."""
        self._release(self._open())

    def close(self) -> None:
        """Close the idle connections."""
        while (connection := self._pop_idle()) is not None:
            connection.close()

    def _take_idle(self) -> "_Connection | None":
        """Return the idle connection that was used last, if one can be used again."""
        while (connection := self._pop_idle()) is not None:
            if connection.is_usable():
                return connection
            connection.close()
        return None

    def _pop_idle(self) -> "_Connection | None":
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _exchange(self, connection: "_Connection", request: bytes) -> HttpResponse:
        was_idle = connection.idle_since > 0
        try:
            response = connection.exchange(request)
        except BaseException:
            connection.close()
            if was_idle:
                # The others have been idle for as long or longer, so the next attempt needs a new one.
                self.close()
            raise
        if response.reusable and len(self._idle) < IDLE_MAX:
            self._release(connection)
        else:
            connection.close()
        return response

    def _release(self, connection: "_Connection") -> None:
        connection.idle_since = time.time()
        self._idle.append(connection)

    def _open(self) -> "_Connection":
        endpoint = self._endpoint
        plain = socket.create_connection((endpoint.host, endpoint.port), self._connect_timeout)
        try:
            # A request goes out at once, not when an earlier segment has been acknowledged.
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            opened = (
                tls_context(endpoint.host).wrap_socket(plain, server_hostname=endpoint.host)
                if endpoint.tls
                else plain
            )
            opened.settimeout(self._read_timeout)
        except ssl.SSLCertVerificationError:
            use_system_authorities()
            plain.close()
            raise
        except BaseException:
            plain.close()
            raise
        return _Connection(opened)


class _StaleConnection(ConnectionError):
    """The connection ended while it was idle."""


class _Connection:
    """One open connection; `idle_since` is when it was released (epoch seconds), 0 before its first use."""

    def __init__(self, opened: socket.socket) -> None:
        self._socket = opened
        self._parser = ResponseParser(BODY_BYTES_MAX)
        self.idle_since = 0.0

    def close(self) -> None:
        self._socket.close()

    def is_usable(self) -> bool:
        """Whether an idle connection is recent, and still open as far as one can see."""
        return not was_idle_for_long(self.idle_since, IDLE_SECONDS_MAX) and is_alive(self._socket)

    def exchange(self, request: bytes) -> HttpResponse:
        """Send a request and return the response. Raises OSError, _StaleConnection too, and BadResponse."""
        try:
            self._send(request)
            data = self._socket.recv(READ_BYTES)
            if not data:
                raise _closed()
        except OSError as error:
            if self.idle_since and is_stale(error):
                raise _StaleConnection from error
            raise

        response = self._parser.feed(data)
        while response is None:
            if data := self._socket.recv(READ_BYTES):
                response = self._parser.feed(data)
            elif (response := self._parser.end()) is None:
                raise _closed()
        return response

    def _send(self, request: bytes) -> None:
        """Send all of a request: nearly always in one call, without what `sendall` does for other cases."""
        sent = self._socket.send(request)
        while sent < len(request):
            request = request[sent:]
            sent = self._socket.send(request)


def _closed() -> ConnectionResetError:
    return ConnectionResetError("closed without a response")
