"""A pool of HTTP/1.1 connections to one endpoint that stay open, one request at a time on each."""

import socket
import ssl
from collections import deque

from realtime_core.aws.endpoint import Endpoint, tls_context, use_system_authorities
from realtime_core.aws.http_response import HttpResponse, ResponseParser

# TLS gives at most one record at a time, and none is larger.
READ_BYTES = 16 * 1024
BODY_BYTES_MAX = 128 * 1024 * 1024
"""DynamoDB's largest response, 16 MB of items, with ample room for what JSON adds to it."""
IDLE_MAX = 20
"""The largest pool of threads that shares a client: lookups use 16."""


class HttpPool:
    """Connections to one endpoint. Safe to share between threads: each request has a connection to itself."""

    def __init__(self, endpoint: Endpoint, connect_timeout: float, read_timeout: float) -> None:
        self._endpoint = endpoint
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._idle: deque[_Connection] = deque()

    def exchange(self, request: bytes) -> HttpResponse:
        """Send a request and return the response. Raises OSError and BadResponse.

        The other side closes idle connections, as it does with those of a frozen function. That is not a
        fault: the request goes out on another connection.
        """
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return self._exchange(self._open(), request)
            try:
                return self._exchange(connection, request)
            except _StaleConnection:
                continue

    def open_ahead(self) -> None:
        """Open a connection for a request that is still to come. Raises OSError."""
        connection = self._open()
        # The function may be frozen until then, and the other side may close it meanwhile.
        connection.may_be_stale = True
        self._idle.append(connection)

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().close()

    def _exchange(self, connection: "_Connection", request: bytes) -> HttpResponse:
        try:
            response = connection.exchange(request)
        except BaseException:
            connection.close()
            raise
        if response.reusable and len(self._idle) < IDLE_MAX:
            self._idle.append(connection)
        else:
            connection.close()
        return response

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
    """The other side closed the connection before this request."""


class _Connection:
    """One open connection; `may_be_stale` if it was idle, so the other side may have closed it."""

    def __init__(self, opened: socket.socket) -> None:
        self._socket = opened
        self._parser = ResponseParser(BODY_BYTES_MAX)
        self.may_be_stale = False

    def close(self) -> None:
        self._socket.close()

    def exchange(self, request: bytes) -> HttpResponse:
        """Send a request and return the response. Raises OSError, _StaleConnection too, and BadResponse."""
        try:
            self._send(request)
            data = self._socket.recv(READ_BYTES)
        except (ConnectionResetError, BrokenPipeError) as error:
            raise (_StaleConnection() if self.may_be_stale else error) from error
        if not data:
            raise _StaleConnection() if self.may_be_stale else _closed()

        response = self._parser.feed(data)
        while response is None:
            if data := self._socket.recv(READ_BYTES):
                response = self._parser.feed(data)
            elif (response := self._parser.end()) is None:
                raise _closed()
        self.may_be_stale = True
        return response

    def _send(self, request: bytes) -> None:
        """Send all of a request: nearly always in one call, without what `sendall` does for other cases."""
        sent = self._socket.send(request)
        while sent < len(request):
            request = request[sent:]
            sent = self._socket.send(request)


def _closed() -> ConnectionResetError:
    return ConnectionResetError("closed without a response")
