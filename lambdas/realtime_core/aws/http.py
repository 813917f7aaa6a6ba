"""HTTP/1.1 (RFC 9112) over connections that stay open: one request, one answer, and no more than AWS needs.

The standard library's client parses headers as e-mail, which costs more than signing the request does, and
as much of a cold start as everything here together.
"""

import socket
import ssl
from collections import deque
from typing import NamedTuple

from realtime_core.aws.endpoint import Endpoint, not_verified, tls_context

# TLS gives at most one record at a time, and none is larger.
READ_BYTES = 16 * 1024
HEAD_BYTES_MAX = 64 * 1024
IDLE_MAX = 20
"""The largest pool of threads that shares a client (lookups use 16)."""


class BadResponse(Exception):
    """What came is no HTTP/1.1 answer, or not the whole of one."""


class Answer(NamedTuple):
    """A whole answer; `head` is its status line and headers as they came."""

    status: int
    body: bytes
    head: bytes = b""

    def header(self, name: bytes) -> bytes | None:
        """A header's value, by its name in lower case."""
        return _header(self.head.lower() + b"\r\n", name, self.head)


class HttpPool:
    """Requests to one endpoint. May be shared between threads: each request has a connection to itself."""

    def __init__(self, endpoint: Endpoint, connect_timeout: float, read_timeout: float) -> None:
        self._endpoint = endpoint
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._idle: deque[_Connection] = deque()

    def exchange(self, request: bytes) -> Answer:
        """Send a request, and give the answer to it. Raises OSError and BadResponse.

        A connection that the other side closed while it was idle, as it does with those of a function that
        was frozen, is no fault: the request goes out on another.
        """
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return self._exchange(self._open(), request)
            try:
                return self._exchange(connection, request)
            except _Stale:
                continue

    def open_ahead(self) -> None:
        """Open a connection for a request that is still to come. Raises OSError."""
        connection = self._open()
        # The function may be frozen until then, and the other side may close it meanwhile.
        connection.may_be_stale = True
        self._idle.append(connection)

    def close(self) -> None:
        """Close what is idle."""
        while self._idle:
            self._idle.pop().close()

    def _exchange(self, connection: "_Connection", request: bytes) -> Answer:
        try:
            answer, reusable = connection.exchange(request)
        except BaseException:
            connection.close()
            raise
        if reusable and len(self._idle) < IDLE_MAX:
            self._idle.append(connection)
        else:
            connection.close()
        return answer

    def _open(self) -> "_Connection":
        endpoint = self._endpoint
        plain = socket.create_connection((endpoint.host, endpoint.port), self._connect_timeout)
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            opened = (
                tls_context(endpoint.host).wrap_socket(plain, server_hostname=endpoint.host)
                if endpoint.tls
                else plain
            )
            opened.settimeout(self._read_timeout)
        except ssl.SSLCertVerificationError:
            not_verified()
            plain.close()
            raise
        except BaseException:
            plain.close()
            raise
        return _Connection(opened)


class _Stale(ConnectionError):
    """The other side had closed the connection before this request."""


class _Connection:
    """One open connection; `may_be_stale` says that it was idle, so the other side may have closed it."""

    def __init__(self, opened: socket.socket) -> None:
        self._socket = opened
        self.may_be_stale = False
        self._rest = b""

    def close(self) -> None:
        self._socket.close()

    def exchange(self, request: bytes) -> tuple[Answer, bool]:
        """The answer, and whether the connection takes another request. Raises OSError and BadResponse."""
        try:
            self._send(request)
            first = self._socket.recv(READ_BYTES)
        except (ConnectionResetError, BrokenPipeError) as error:
            raise (_Stale() if self.may_be_stale else error) from error
        if not first:
            raise _Stale() if self.may_be_stale else ConnectionResetError("closed without an answer")
        self._rest = first
        answer, reusable = self._answer()
        self.may_be_stale = True
        # More than was asked for: nobody knows what it answers.
        return answer, reusable and not self._rest

    def _send(self, request: bytes) -> None:
        """All of it; mostly at once, without what sendall does for the other case."""
        sent = self._socket.send(request)
        while sent < len(request):
            request = request[sent:]
            sent = self._socket.send(request)

    def _answer(self) -> tuple[Answer, bool]:
        while True:
            head = self._until(b"\r\n\r\n", HEAD_BYTES_MAX)
            version, code = head[:9], head[9:12]
            if not (version in {b"HTTP/1.1 ", b"HTTP/1.0 "} and code.isdigit()):
                raise BadResponse("what came is no HTTP/1.1 answer")
            if (status := int(code)) >= 200:
                break  # what comes before it is interim
        lowered = head.lower() + b"\r\n"
        persists = version == b"HTTP/1.1 " and _header(lowered, b"connection") in {None, b"keep-alive"}
        if status in {204, 304}:
            return Answer(status, b"", head), persists
        if (coding := _header(lowered, b"transfer-encoding")) is not None:
            if coding != b"chunked":
                raise BadResponse("a transfer encoding other than chunked")
            return Answer(status, self._chunks(), head), persists
        if (length := _header(lowered, b"content-length")) is None:
            return Answer(status, self._to_the_end(), head), False
        if not length.isdigit():
            raise BadResponse("a Content-Length that is no length")
        return Answer(status, self._exactly(int(length)), head), persists

    def _more(self) -> bytes:
        data = self._socket.recv(READ_BYTES)
        if not data:
            raise BadResponse("half an answer")
        return data

    def _until(self, mark: bytes, limit: int) -> bytes:
        """What comes before a mark; both are taken."""
        while (end := self._rest.find(mark)) < 0:
            if len(self._rest) > limit:
                raise BadResponse("an answer whose head does not end")
            self._rest += self._more()
        found, self._rest = self._rest[:end], self._rest[end + len(mark) :]
        return found

    def _exactly(self, length: int) -> bytes:
        pieces = [self._rest]
        missing = length - len(self._rest)
        while missing > 0:
            pieces.append(self._more())
            missing -= len(pieces[-1])
        data = b"".join(pieces)
        self._rest = data[length:]
        return data[:length]

    def _chunks(self) -> bytes:
        pieces = []
        while True:
            size_text = self._until(b"\r\n", HEAD_BYTES_MAX).partition(b";")[0].strip()
            try:
                size = int(size_text, 16)
            except ValueError as error:
                raise BadResponse("a chunk without a size") from error
            if not size:
                break
            pieces.append(self._exactly(size))
            if self._exactly(2) != b"\r\n":
                raise BadResponse("a chunk that is longer than its size")
        while self._until(b"\r\n", HEAD_BYTES_MAX):
            pass  # trailers
        return b"".join(pieces)

    def _to_the_end(self) -> bytes:
        pieces = [self._rest]
        while data := self._socket.recv(READ_BYTES):
            pieces.append(data)
        self._rest = b""
        return b"".join(pieces)


def _header(lowered: bytes, name: bytes, head: bytes | None = None) -> bytes | None:
    """A header's value, of a head in lower case; as it came where `head` is given too.

    Looked for, since of a dozen only three are of interest.
    """
    at = lowered.find(b"\r\n" + name + b":")
    if at < 0:
        return None
    start = at + len(name) + 3
    return (head or lowered)[start : lowered.index(b"\r\n", start)].strip()
