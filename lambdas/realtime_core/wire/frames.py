"""The frames of the WebSocket: one JSON object per text frame, in both directions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from realtime_core.errors import ActionError, Problem, ValidationFailed
from realtime_core.wire.json_problems import find_json_problems, is_unicode, parse_leniently
from realtime_core.wire.strict_json import byte_length, dumps, loads

# Outside limits: the largest WebSocket frame and message that API Gateway sends.
FRAME_BYTES_MAX = 32 * 1024
MESSAGE_BYTES_MAX = 128 * 1024

REQUEST_ID_CHARS_MAX = 128

# The most that a reply adds to the entries of an inbox page: a request id of 128 escaped characters, `next`.
PAGE_BYTES = 1024
# The most that an entry adds to its content: a sender of 128 characters, a type of 64 escaped ones, times.
_ENTRY_BYTES = 1024
# A character of a JSON text has at most this many bytes.
_BYTES_PER_CHAR_MAX = 6


class Request(NamedTuple):
    """A client's frame with a valid envelope; the router's `parse_action` validates `action` and `data`."""

    action: str
    data: Mapping[str, Any]
    request_id: str | None


def decode_request(body: str | None) -> Request:
    """Decode a client's frame. Unknown top-level fields are ignored.

    Raises ValidationFailed with every problem; its `request_id` is that of the frame, if it can be read, so
    that the client knows which of its requests failed.
    """
    try:
        raw = loads(body or "")
    except ValueError as error:
        raise _validation_failure(body or "", error) from error
    if not isinstance(raw, dict):
        raise ValidationFailed([Problem("body", 'must be a JSON object such as {"action": "ping"}')])

    # Null for an optional field is the same as leaving it out.
    action, data, request_id = raw.get("action"), raw.get("data"), raw.get("requestId")
    data = {} if data is None else data
    problems: list[Problem] = []
    if request_id is not None and not _is_request_id(request_id):
        problems.append(Problem("requestId", f"must be a string of 1 to {REQUEST_ID_CHARS_MAX} characters"))
        request_id = None
    if not isinstance(action, str):
        problems.append(Problem("action", "must be a string" if "action" in raw else "is missing"))
    if not isinstance(data, dict):
        problems.append(Problem("data", "must be an object"))
    if problems or not isinstance(action, str):
        raise ValidationFailed(problems, request_id=request_id)
    return Request(action, data, request_id)


def _is_request_id(raw: Any) -> bool:
    return isinstance(raw, str) and 1 <= len(raw) <= REQUEST_ID_CHARS_MAX and is_unicode(raw)


def read_request_id(value: Any) -> str | None:
    """The request id of a parsed frame, or None if it has none that is valid."""
    request_id = value.get("requestId") if isinstance(value, dict) else None
    return request_id if _is_request_id(request_id) else None


def _validation_failure(body: str, error: ValueError) -> ValidationFailed:
    """The error for a text that `strict_json` rejected, although a more lenient parser may accept it."""
    value = parse_leniently(body)
    return ValidationFailed(
        find_json_problems(value, "body") or [Problem("body", str(error))],
        request_id=read_request_id(value),
    )


def frame(type_: str, data: Any, *, now: int, request_id: str | None = None, **more: Any) -> str:
    """A frame to a client. The fields of `more` are next to `data`; those that are None are omitted."""
    fields: dict[str, Any] = {"type": type_, "data": data}
    if more:
        fields.update((name, value) for name, value in more.items() if value is not None)
    fields["timestamp"] = now
    if request_id is not None:
        fields["requestId"] = request_id
    return dumps(fields)


def error_frame(error: ActionError, *, now: int, request_id: str | None) -> str:
    """The reply to a request that failed."""
    data: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.details is not None:
        data["details"] = error.details
    return frame("error", data, now=now, request_id=request_id)


def pack_frames(payloads: Sequence[str], *, now: int) -> list[tuple[str, int]]:
    """Pack the payloads for one connection, in order, into as few `batch` frames as possible.

    A payload is a frame, or several that stay together, a line each. Returns each packed frame with the
    number of payloads in it. A frame that is alone, or too large to share one, is returned unchanged.
    """
    return [(_pack(share, now), len(share)) for share in share_frames(payloads)]


def share_frames(payloads: Sequence[str]) -> list[list[str]]:
    """Distribute payloads, in order, over as few `batch` frames as possible, each a network frame at most."""
    room = FRAME_BYTES_MAX - len(_BATCH_HEAD) - len(_BATCH_TAIL) - _TIMESTAMP_CHARS
    shares: list[list[str]] = []
    used = room + 1
    for text in payloads:
        size = byte_length(text) + 1  # the comma
        if used + size > room + 1:
            shares.append([])
            used = 0
        shares[-1].append(text)
        used += size
    return shares


def _pack(payloads: Sequence[str], now: int) -> str:
    lines = "\n".join(payloads)
    if "\n" not in lines:
        return lines
    # The frames are JSON already: joining them as text avoids parsing and encoding them again. JSON has no
    # line breaks but between its tokens, and our own none there.
    return f"{_BATCH_HEAD}{lines.replace(chr(10), ',')}]{_BATCH_TAIL}{now}}}"


_BATCH_HEAD = '{"type":"batch","data":{"frames":['
_BATCH_TAIL = '},"timestamp":'
_TIMESTAMP_CHARS = len("]1795382480}")


def content_fits(content: Any) -> bool:
    """Whether a content fits both frames that may carry it: `messageReceived` and an inbox page."""
    room = MESSAGE_BYTES_MAX - PAGE_BYTES - _ENTRY_BYTES
    if isinstance(content, str) and len(content) * _BYTES_PER_CHAR_MAX < room:
        return True
    return byte_length(dumps(content)) <= room
