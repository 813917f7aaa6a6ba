"""A pool of HTTP/1.1 connections to one endpoint that stay open, one request at a time on each."""

import socket
import ssl
import time
from collections import deque

from realtime_core.aws.endpoint import Endpoint, tls_context, use_system_authorities
from realtime_core.aws.http_response import BadResponse, HttpResponse, ResponseParser
from realtime_core.aws.idle_connections import Watch, is_stale, was_idle_for_long

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
        self._idle: deque[Connection] = deque()

    def send(self, request: bytes) -> "Connection":
        """Send a request; returns the connection, for `receive` or `discard`. Raises OSError.

        A connection that ended while it was idle is not a fault: the request goes out on a new one, once.
        """
        while (connection := self._pop_idle()) is not None:
            if not connection.is_usable():
                connection.close()
                continue
            try:
                connection.send(request)
            except StaleConnection:
                self._drop(connection)
                break
            except BaseException:
                self._drop(connection)
                raise
            return connection
        return self._send_anew(request)

    def receive(self, connection: "Connection") -> HttpResponse:
        """Return the response to what was sent on a connection; call it once. Raises OSError and BadResponse.

        The connection is idle again then, or closed.
        """
        try:
            response = connection.receive()
        except StaleConnection:
            self._drop(connection)
            return self.receive(self._send_anew(connection.request))
        except BaseException:
            self._drop(connection)
            raise
        self._keep(connection, response)
        return response

    def discard(self, connection: "Connection") -> None:
        """Give up the response: the connection is kept if it has come, and closed if not."""
        try:
            response = connection.receive(wait=False)
        except (OSError, BadResponse):
            connection.close()
        else:
            self._keep(connection, response)

    def open_ahead(self) -> None:
        """Open a connection for a request that is still to come. Raises OSError."""
        self._release(self._open())

    def close(self) -> None:
        """Close the idle connections."""
        while (connection := self._pop_idle()) is not None:
            connection.close()

    def _pop_idle(self) -> "Connection | None":
        """Take the idle connection that was used last."""
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _send_anew(self, request: bytes) -> "Connection":
        """Send a request on a new connection. Raises OSError."""
        connection = self._open()
        try:
            connection.send(request)
        except BaseException:
            connection.close()
            raise
        return connection

    def _keep(self, connection: "Connection", response: HttpResponse) -> None:
        """Make a connection idle after its response, or close it if it takes no other request."""
        if response.reusable and len(self._idle) < IDLE_MAX:
            self._release(connection)
        else:
            connection.close()

    def _drop(self, connection: "Connection") -> None:
        """Close a connection that has failed, and if it was idle before, the others."""
        connection.close()
        if connection.idle_since > 0:
            # The others have been idle for as long or longer, so the next attempt needs a new one.
            self.close()

    def _release(self, connection: "Connection") -> None:
        connection.idle_since = time.time()
        self._idle.append(connection)

    def _open(self) -> "Connection":
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
        return Connection(opened)


class StaleConnection(ConnectionError):
    """The connection ended while it was idle."""


class Connection:
    """One open connection.

    `idle_since` is when it was released (epoch seconds), 0 before its first use; `request` what it was sent
    last.
    """

    __slots__ = ("_parser", "_receive_some", "_send_some", "_socket", "_watch", "idle_since", "request")

    def __init__(self, opened: socket.socket) -> None:
        self._socket = opened
        # Bound once: that they are not looked up for each request is a hundredth of what it costs.
        self._send_some, self._receive_some = opened.send, opened.recv
        self._watch = Watch(opened)
        self._parser = ResponseParser(BODY_BYTES_MAX)
        self.idle_since = 0.0
        self.request = b""

    def close(self) -> None:
        """Close it; what was sent on it gets no response."""
        self._socket.close()

    def is_usable(self) -> bool:
        """Whether an idle connection is recent, and still open as far as one can see."""
        return not was_idle_for_long(self.idle_since, IDLE_SECONDS_MAX) and self._watch.is_alive()

    def send(self, request: bytes) -> None:
        """Send a request. Raises OSError, of which StaleConnection says that it can go out on another."""
        self.request = request
        try:
            # Nearly always in one call, without what `sendall` does for other cases.
            sent = self._send_some(request)
            while sent < len(request):
                request = request[sent:]
                sent = self._send_some(request)
        except OSError as error:
            self._raise_if_stale(error)
            raise

    def receive(self, *, wait: bool = True) -> HttpResponse:
        """Receive the response. Raises OSError, StaleConnection too, and BadResponse.

        Without `wait`, what has not come yet is an OSError.
        """
        if not wait:
            return self._receive_at_once()
        try:
            data = self._receive_some(READ_BYTES)
            if not data:
                raise _closed()
        except OSError as error:
            self._raise_if_stale(error)
            raise

        response = self._parser.feed(data)
        while response is None:
            if data := self._receive_some(READ_BYTES):
                response = self._parser.feed(data)
            elif (response := self._parser.end()) is None:
                raise _closed()
        return response

    def _receive_at_once(self) -> HttpResponse:
        timeout = self._socket.gettimeout()
        self._socket.settimeout(0.0)
        try:
            return self.receive()
        finally:
            self._socket.settimeout(timeout)

    def _raise_if_stale(self, error: OSError) -> None:
        if self.idle_since and is_stale(error):
            raise StaleConnection from error


def _closed() -> ConnectionResetError:
    return ConnectionResetError("closed without a response")
