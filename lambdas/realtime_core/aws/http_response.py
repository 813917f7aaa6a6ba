"""HTTP/1.1 answers, from whatever pieces they come in (RFC 9112)."""

from __future__ import annotations

import re
from typing import NamedTuple

HEAD_BYTES_MAX = 64 * 1024
BODY_BYTES_MAX = 1024 * 1024
"""Far beyond what @connections answers: what passes it is not that API."""

_STATUS = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: [^\r\n]*)?")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;.*)?", re.DOTALL)
_BLANK = b"\r\n\r\n"


class BadResponse(Exception):
    """What came is no HTTP/1.1 answer, or not the whole of one."""


class Response(NamedTuple):
    """One whole answer; its body says nothing that its status and error type do not."""

    status: int
    reusable: bool
    """Whether the connection takes another request."""
    error_type: str = ""
    """The name that AWS gives the error."""


_DELIVERED = Response(200, reusable=True)


class ResponseParser:
    """Takes the bytes of a connection, gives its answers, one at a time."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> Response | None:
        """The answer that these bytes complete, or None. Raises BadResponse."""
        if self._buffer:
            return self._parse(self._buffer + data, ended=False)
        return _DELIVERED if _is_plain(data) else self._parse(data, ended=False)

    def end(self) -> Response | None:
        """The other side has closed: the answer that ends by that, or None. Raises BadResponse for half."""
        return self._parse(self._buffer, ended=True) if self._buffer else None

    def _parse(self, data: bytes, *, ended: bool) -> Response | None:
        end = data.find(_BLANK)
        if end < 0:
            if len(data) > HEAD_BYTES_MAX:
                raise BadResponse("the head of the answer does not end")
            self._wait(data, ended=ended)
            return None
        head = data[:end].lower()
        status, version = _status(data[:end])
        if status < 200:  # interim: the answer itself follows
            rest = data[end + 4 :]
            self._buffer = b""
            return self._parse(rest, ended=ended) if rest or ended else None
        start = end + 4
        last = start if status in {204, 304} else _body_end(data, start, head, ended=ended)
        if last >= 0:
            reusable = not ended and _persists(head, version)
            return self._whole(data, last, status, data[:end], reusable=reusable)
        if len(data) - start > BODY_BYTES_MAX:
            raise BadResponse(f"a body of more than {BODY_BYTES_MAX} bytes")
        self._wait(data, ended=ended)
        return None

    def _wait(self, data: bytes, *, ended: bool) -> None:
        if ended:
            raise BadResponse("half an answer")
        self._buffer = data

    def _whole(self, data: bytes, last: int, status: int, head: bytes, *, reusable: bool) -> Response:
        self._buffer = b""
        # More than was asked for: nobody knows what it answers.
        reusable = reusable and last == len(data)
        return Response(status, reusable, _error_type(head) if status >= 300 else "")


def _is_plain(data: bytes) -> bool:
    """Whether this is, whole and alone, the answer to nearly every post: 200, no body, and go on.

    Seen without being taken apart, which saves an eighth of what a post costs.
    """
    if not data.startswith(b"HTTP/1.1 200 ") or data.find(_BLANK) != len(data) - 4:
        return False
    head = data.lower()
    return (
        head.count(b"\r\ncontent-length:") == 1
        and b"\r\ncontent-length: 0\r\n" in head
        and head.count(b"\r\nconnection:") == head.count(b"\r\nconnection: keep-alive\r\n")
        and b"\r\ntransfer-encoding:" not in head
    )


def _status(head: bytes) -> tuple[int, int]:
    """Status and minor version of a head."""
    line = _STATUS.fullmatch(head.partition(b"\r\n")[0])
    if line is None:
        raise BadResponse("what came is no HTTP/1.1 answer")
    return int(line[2]), int(line[1])


def _values(head: bytes, name: bytes) -> list[bytes]:
    """The values of a header (all in lower case), those of a list one by one."""
    values: list[bytes] = []
    at = head.find(b"\r\n" + name + b":")
    while at >= 0:
        start = at + len(name) + 3
        stop = head.find(b"\r\n", start)
        line = head[start:] if stop < 0 else head[start:stop]
        values += [value.strip() for value in line.split(b",")]
        at = head.find(b"\r\n" + name + b":", start)
    return values


def _persists(head: bytes, version: int) -> bool:
    if b"\r\nconnection:" not in head:
        return version == 1
    said = _values(head, b"connection")
    return b"close" not in said and (version == 1 or b"keep-alive" in said)


def _error_type(head: bytes) -> str:
    """The name in X-Amzn-ErrorType, without the address that some services put behind it."""
    at = head.lower().find(b"\r\nx-amzn-errortype:")
    line = head[at + 2 :].partition(b"\r\n")[0] if at >= 0 else b":"
    return line.split(b":")[1].strip().decode("latin-1")


def _body_end(data: bytes, start: int, head: bytes, *, ended: bool) -> int:
    """Where the body ends that begins at `start`, or -1 where it is not all there."""
    if b"\r\ntransfer-encoding:" in head:
        if _values(head, b"transfer-encoding") != [b"chunked"]:
            raise BadResponse("a transfer encoding other than chunked")
        return _chunked_end(data, start)
    if lengths := _values(head, b"content-length"):
        end = start + _length(lengths)
        return end if end <= len(data) else -1
    # Neither: it ends where the connection does, which then takes no other request.
    return len(data) if ended else -1


def _length(values: list[bytes]) -> int:
    if len(set(values)) != 1 or not values[0].isdigit() or len(values[0]) > 10:
        raise BadResponse("a Content-Length that is no length")
    if (length := int(values[0])) > BODY_BYTES_MAX:
        raise BadResponse(f"a body of more than {BODY_BYTES_MAX} bytes")
    return length


def _chunked_end(data: bytes, at: int) -> int:
    """Where a chunked body that begins at `at` ends, or -1 where it is not all there."""
    while (line_end := data.find(b"\r\n", at)) >= 0:
        size = _CHUNK_SIZE.fullmatch(data[at:line_end])
        if size is None:
            raise BadResponse("a chunk without a size")
        if int(size[1], 16) == 0:
            return _trailers_end(data, line_end)
        at = line_end + 2 + int(size[1], 16)
        if len(data) < at + 2:
            return -1
        if data[at : at + 2] != b"\r\n":
            raise BadResponse("a chunk that is longer than its size")
        at += 2
    return -1


def _trailers_end(data: bytes, at: int) -> int:
    """Where the trailers end that follow the last chunk's line, whose end is at `at`."""
    end = data.find(_BLANK, at)
    return end + 4 if end >= 0 else -1
