"""HTTP/1.1 responses (RFC 9112), parsed without I/O: bytes go in, responses come out.

The AWS client and the posting engine share it; each reads its own sockets. The standard library's client
parses headers as e-mail, which costs more than signing the request, and imports as much as a cold start of
the authorizer does in all.
"""

from collections.abc import Generator
from typing import NamedTuple, TypeAlias, TypeVar

T = TypeVar("T")
Steps: TypeAlias = Generator[None, bytes, T]
"""Steps of parsing that are sent bytes wherever they pause (none where the connection ends) and return T."""

HEAD_BYTES_MAX = 64 * 1024
"""The most that a head, a chunk's size line or a section of trailers may take."""

_BLANK_LINE = b"\r\n\r\n"
_HEX_DIGITS = b"0123456789ABCDEFabcdef"
_LENGTH = b"\r\ncontent-length:"
_CHUNK_SIZE_DIGITS_MAX = 8
_CONTENT_LENGTH_DIGITS_MAX = 10
# In place of a body's length.
_CHUNKED = -1
_UNTIL_CLOSE = -2


class BadResponse(Exception):
    """The bytes received are not an HTTP/1.1 response, or only part of one."""


class HttpResponse(NamedTuple):
    """One complete response.

    `head` is the status line and the headers as received, up to and including the blank line. `reusable`
    says whether the connection takes another request.
    """

    status: int
    body: bytes
    head: bytes = b""
    reusable: bool = False

    def header(self, name: bytes) -> bytes | None:
        """Return the value of a header by its lower-case name, or None where it is absent."""
        start = self.head.lower().find(b"\r\n" + name + b":")
        if start < 0:
            return None
        start += len(name) + 3
        return self.head[start : self.head.index(b"\r\n", start)].strip()

    @property
    def error_type(self) -> str:
        """The error's name in X-Amzn-ErrorType, without the URL that some services append; "" if absent."""
        value = self.header(b"x-amzn-errortype") or b""
        return value.partition(b":")[0].decode("latin-1")


class ResponseParser:
    """Parses the responses on one connection, one after the other.

    A body longer than `body_bytes_max` is a BadResponse. After a BadResponse the parser is of no further use,
    nor is its connection.
    """

    __slots__ = ("_body_bytes_max", "_buffer", "_steps")

    def __init__(self, body_bytes_max: int) -> None:
        self._body_bytes_max = body_bytes_max
        self._buffer = b""
        self._steps: Steps[HttpResponse | None] | None = None

    def feed(self, data: bytes) -> HttpResponse | None:
        """Take received bytes, at least one. Returns the response that they complete, or None.

        Raises BadResponse.
        """
        if self._steps is not None:
            return self._advance(self._steps, data)
        start = data.find(_BLANK_LINE) + 4
        # Not by the constructor, which is written in Python: this runs for every post and every call.
        if start == len(data):
            if _is_plain_success(data):
                return tuple.__new__(HttpResponse, (200, b"", data, True))
        elif start > 4 and _plain_length(head := data[:start]) == len(data) - start:
            return tuple.__new__(HttpResponse, (200, data[start:], head, True))
        if (response := self._parse_at_once(data, start)) is not None:
            return response
        self._buffer = data
        self._steps = self._parse()
        return self._advance(self._steps, None)

    def end(self) -> HttpResponse | None:
        """Take the end of the connection.

        Returns the response that ends with it, or None where no response has begun. Raises BadResponse where
        one is incomplete.
        """
        return None if self._steps is None else self._advance(self._steps, b"")

    def _advance(self, steps: Steps[HttpResponse | None], data: bytes | None) -> HttpResponse | None:
        try:
            steps.send(data)  # type: ignore[arg-type]  # None starts a generator
        except StopIteration as finished:
            self._steps = None
            response: HttpResponse | None = finished.value
            return response
        return None

    def _parse_at_once(self, data: bytes, start: int) -> HttpResponse | None:
        """Parse a response that came whole and alone, with its length, as nearly all do; None for others.

        `start` is where its body begins.
        This takes a third of the time of `_parse`, which takes any response in any pieces.
        """
        if start < 4:
            return None
        head = data[:start]
        status, persists, length = self._parse_head(head)
        if status < 200 or len(data) - start != length:
            return None
        return HttpResponse(status, data[start:], head, persists)

    def _parse(self) -> Steps[HttpResponse | None]:
        """Parse one response, pausing wherever more bytes are needed."""
        status = 0
        while status < 200:  # interim responses precede the final one
            if not self._buffer:
                self._buffer = yield
                if not self._buffer:
                    return None
            head = yield from self._take_through(_BLANK_LINE)
            status, persists, length = self._parse_head(head)

        if length == _CHUNKED:
            body = yield from self._take_chunks()
        elif length == _UNTIL_CLOSE:
            body = yield from self._take_rest()
        else:
            body = yield from self._take(length)

        # Bytes beyond the response belong to no request: what follows on this connection cannot be trusted.
        reusable = persists and not self._buffer
        self._buffer = b""
        return HttpResponse(status, body, head, reusable)

    def _parse_head(self, head: bytes) -> tuple[int, bool, int]:
        """Return the status, whether the connection persists, and the body's length or how it ends."""
        status, minor_version = _parse_status_line(head)
        lowered = head.lower()
        options = _header_values(lowered, b"\r\nconnection:")
        persists = b"close" not in options and (minor_version == 1 or b"keep-alive" in options)

        if status < 200 or status in {204, 304}:
            return status, persists, 0
        if codings := _header_values(lowered, b"\r\ntransfer-encoding:"):
            if codings != [b"chunked"]:
                raise BadResponse("a transfer encoding other than chunked")
            return status, persists, _CHUNKED
        if lengths := _header_values(lowered, b"\r\ncontent-length:"):
            return status, persists, self._parse_length(lengths)
        return status, False, _UNTIL_CLOSE

    def _take(self, count: int) -> Steps[bytes]:
        """Take exactly `count` bytes."""
        pieces = [self._buffer]
        missing = count - len(self._buffer)
        while missing > 0:
            pieces.append((yield from _receive()))
            missing -= len(pieces[-1])
        data = b"".join(pieces)
        self._buffer = data[count:]
        return data[:count]

    def _take_through(self, mark: bytes) -> Steps[bytes]:
        """Take everything up to and including `mark`."""
        searched = 0
        while (start := self._buffer.find(mark, searched)) < 0:
            if len(self._buffer) > HEAD_BYTES_MAX:
                raise BadResponse(f"a head of more than {HEAD_BYTES_MAX} bytes")
            searched = max(0, len(self._buffer) - len(mark) + 1)
            self._buffer += yield from _receive()
        end = start + len(mark)
        taken, self._buffer = self._buffer[:end], self._buffer[end:]
        return taken

    def _take_chunks(self) -> Steps[bytes]:
        """Take a chunked body and its trailers, which are dropped."""
        chunks: list[bytes] = []
        body_bytes = 0
        while size := _parse_chunk_size((yield from self._take_through(b"\r\n"))):
            body_bytes += size
            if body_bytes > self._body_bytes_max:
                raise self._body_too_long()
            chunks.append((yield from self._take(size)))
            if (yield from self._take(2)) != b"\r\n":
                raise BadResponse("a chunk that is longer than its size")

        trailer_bytes = 0
        while (line := (yield from self._take_through(b"\r\n"))) != b"\r\n":
            trailer_bytes += len(line)
            if trailer_bytes > HEAD_BYTES_MAX:
                raise BadResponse(f"trailers of more than {HEAD_BYTES_MAX} bytes")
        return b"".join(chunks)

    def _take_rest(self) -> Steps[bytes]:
        """Take a body without a length: it ends where the connection does."""
        pieces = [self._buffer]
        self._buffer = b""
        body_bytes = len(pieces[0])
        while body_bytes <= self._body_bytes_max:
            piece = yield
            if not piece:
                return b"".join(pieces)
            pieces.append(piece)
            body_bytes += len(piece)
        raise self._body_too_long()

    def _parse_length(self, values: list[bytes]) -> int:
        """Parse the values of Content-Length, which may be repeated but must agree."""
        text = values[0]
        if len(set(values)) != 1 or not text.isdigit() or len(text) > _CONTENT_LENGTH_DIGITS_MAX:
            raise BadResponse("a Content-Length that is not a length")
        if (length := int(text)) > self._body_bytes_max:
            raise self._body_too_long()
        return length

    def _body_too_long(self) -> BadResponse:
        return BadResponse(f"a body of more than {self._body_bytes_max} bytes")


def _receive() -> Steps[bytes]:
    """Pause until more bytes have come, and return them."""
    data = yield
    if not data:
        raise BadResponse("half a response")
    return data


def _is_plain_success(data: bytes) -> bool:
    """Whether a head without a body is the response to a successful post: 200, connection kept.

    Recognising it without parsing saves an eighth of what a post costs.
    """
    if not data.startswith(b"HTTP/1.1 200 "):
        return False
    head = data.lower()
    return (
        head.count(b"\r\ncontent-length:") == 1
        and b"\r\ncontent-length: 0\r\n" in head
        and head.count(b"\r\nconnection:") == head.count(b"\r\nconnection: keep-alive\r\n")
        and b"\r\ntransfer-encoding:" not in head
    )


def _plain_length(head: bytes) -> int | None:
    """Return the length of the body after a head as AWS sends it; None where it needs `_parse_head`.

    That is one of HTTP/1.1 with status 200, one Content-Length of digits, and nothing else of what it reads.
    """
    if not head.startswith(b"HTTP/1.1 200 OK\r\n"):
        return None
    lowered = head.lower()
    if b"\r\ntransfer-encoding:" in lowered or lowered.count(_LENGTH) != 1:
        return None
    if lowered.count(b"\r\nconnection:") != lowered.count(b"\r\nconnection: keep-alive\r\n"):
        return None
    start = lowered.find(_LENGTH) + len(_LENGTH)
    digits = lowered[start : lowered.find(b"\r\n", start)].strip()
    return int(digits) if digits.isdigit() and len(digits) <= _CONTENT_LENGTH_DIGITS_MAX else None


def _parse_status_line(head: bytes) -> tuple[int, int]:
    """Return the status and the minor version of a head."""
    if head.startswith(b"HTTP/1.1 200 OK\r\n"):  # nearly all of them
        return 200, 1
    # Not a regular expression: compiling one at a cold start takes longer than the first responses do.
    line = head[: head.index(b"\r\n")]
    status = line[9:12]
    if (
        line[:9] not in {b"HTTP/1.1 ", b"HTTP/1.0 "}
        or not (len(status) == 3 and status.isdigit() and status >= b"100")
        or line[12:13] not in {b"", b" "}
        or b"\r" in line
        or b"\n" in line
    ):
        raise BadResponse("the bytes received are not an HTTP/1.1 response")
    return int(status), line[7] - ord("0")


def _header_values(lowered: bytes, start_of_line: bytes) -> list[bytes]:
    """Return the values of a header in a lower-cased head, each item of a list on its own."""
    values: list[bytes] = []
    if start_of_line not in lowered:  # most heads have one of the three that are looked for
        return values
    for line in lowered.split(start_of_line)[1:]:
        values += [value.strip() for value in line.partition(b"\r\n")[0].split(b",")]
    return values


def _parse_chunk_size(line: bytes) -> int:
    """Parse the line before a chunk: its size in hexadecimal, then extensions that are ignored."""
    text = line[:-2].partition(b";")[0].rstrip(b" \t")
    if not text or len(text) > _CHUNK_SIZE_DIGITS_MAX or text.strip(_HEX_DIGITS):
        raise BadResponse("a chunk without a size")
    return int(text, 16)
