"""What travels over the socket: one JSON object per text frame, in both directions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from realtime_core.errors import ActionError, Problem, ValidationFailed
from realtime_core.wire.json_problems import find_json_problems, is_unicode, parse_leniently
from realtime_core.wire.strict_json import byte_length, dumps, loads

# Outside limits: what API Gateway carries in one frame and in one message.
FRAME_BYTES_MAX = 32 * 1024

MESSAGE_BYTES_MAX = 128 * 1024

REQUEST_ID_CHARS_MAX = 128


class Request(NamedTuple):
    """A client's frame whose outer shape is right; `actions.parse_action` judges what it asks for."""

    action: str
    data: Mapping[str, Any]
    request_id: str | None


def decode_request(body: str | None) -> Request:
    """Read a client's frame.

    Raises ValidationFailed with every problem; its `request_id` is the request's own where that could be
    read, so that the client can tell which of its requests failed. Unknown top-level fields are ignored.
    """
    try:
        raw = loads(body or "")
    except ValueError as error:
        raise _unfit(body or "", error) from error
    if not isinstance(raw, dict):
        raise ValidationFailed([Problem("body", 'must be a JSON object such as {"action": "ping"}')])

    action, data, request_id = raw.get("action"), raw.get("data", {}), raw.get("requestId")
    problems: list[Problem] = []
    if "requestId" in raw and not _is_request_id(request_id):
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


def _unfit(body: str, error: ValueError) -> ValidationFailed:
    """What to answer to a text that is no JSON to this service, though it may be to others."""
    value = parse_leniently(body)
    request_id = value.get("requestId") if isinstance(value, dict) else None
    return ValidationFailed(
        find_json_problems(value, "body") or [Problem("body", str(error))],
        request_id=request_id if _is_request_id(request_id) else None,
    )


def frame(type_: str, data: Any, *, now: int, request_id: str | None = None, **beside: Any) -> str:
    """A frame to a client; what is in `beside` stands next to `data`, and is left out where it is None."""
    fields: dict[str, Any] = {"type": type_, "data": data}
    if beside:
        fields.update((name, value) for name, value in beside.items() if value is not None)
    fields["timestamp"] = now
    if request_id is not None:
        fields["requestId"] = request_id
    return dumps(fields)


def error_frame(error: ActionError, *, now: int, request_id: str | None) -> str:
    """The frame that tells a client what was wrong with a request."""
    data: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.details is not None:
        data["details"] = error.details
    return frame("error", data, now=now, request_id=request_id)


def pack_frames(frames: Sequence[str], *, now: int) -> list[tuple[str, int]]:
    """Pack pushes for one connection, in order, into as few `batch` frames as fit one network frame each.

    Each with how many pushes it holds. A push that is alone, or too large to share a frame, stays as it is.
    """
    room = FRAME_BYTES_MAX - byte_length(_batch([], now))
    packs: list[list[str]] = []
    used = room + 1
    for text in frames:
        size = byte_length(text) + 1  # and the comma
        if used + size > room + 1:
            packs.append([])
            used = 0
        packs[-1].append(text)
        used += size
    return [(pack[0] if len(pack) == 1 else _batch(pack, now), len(pack)) for pack in packs]


def _batch(frames: Sequence[str], now: int) -> str:
    # The frames are JSON already: joined as text they are not parsed and written a second time.
    return f'{{"type":"batch","data":{{"frames":[{",".join(frames)}]}},"timestamp":{now}}}'


# What a reply adds to the entries of an inbox page at most: a request id of 128 escaped characters, `next`.
PAGE_BYTES = 1024

# What an entry adds to its content at most: a sender of 128 characters, a type of 64 escaped ones, times.
_ENTRY_BYTES = 1024

# A character of a JSON text takes at most so many bytes.
_BYTES_PER_CHAR_MAX = 6


def content_fits(content: Any) -> bool:
    """Whether this content can be sent in every frame that may carry it: the push, and an inbox page."""
    room = MESSAGE_BYTES_MAX - PAGE_BYTES - _ENTRY_BYTES
    if isinstance(content, str) and len(content) * _BYTES_PER_CHAR_MAX < room:
        return True
    return byte_length(dumps(content)) <= room
