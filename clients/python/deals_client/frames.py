"""The frames of the wire: requests as text, and what arrives as objects."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias, cast

from deals_client.errors import ConfigurationError, MessageTooLarge
from deals_client.json_values import as_list
from deals_client.values import Event, Source

Frame: TypeAlias = dict[str, Any]

FRAME_BYTES_MAX = 32_000
"""Outside limit: API Gateway closes a connection at a frame of over 32 KB."""
ALL_DEALS = "all-deals"
PRIVATE = "private."


def encode_request(action: str, data: Mapping[str, Any] | None, request_id: str | None) -> str:
    """Return the text of a request. Raises MessageTooLarge, and ConfigurationError for what is not JSON."""
    frame: Frame = {"action": action}
    if data is not None:
        frame["data"] = data
    if request_id is not None:
        frame["requestId"] = request_id
    try:
        text = json.dumps(frame, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        size = len(text.encode())
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"{action}: the data is not JSON: {error}") from error
    if size > FRAME_BYTES_MAX:
        raise MessageTooLarge(
            f"{action} takes {size} bytes; a frame may have {FRAME_BYTES_MAX}", request_id=request_id
        )
    return text


def decode_frames(text: str) -> Iterator[Frame]:
    """Yield the frames of a text: those of a `batch`, or the one that it is. Raises ValueError."""
    value: Any = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004 - it is what the text holds
    frame = cast(Frame, value)
    # A frame with a position is an event, whatever its publisher called it.
    if frame.get("type") == "batch" and "position" not in frame:
        frames: Any = frame["data"]["frames"]
        if not isinstance(frames, list) or not all(isinstance(one, dict) for one in as_list(frames)):
            raise ValueError("a batch without frames")
        yield from cast(list[Frame], frames)
    else:
        yield frame


def is_event(frame: Frame) -> bool:
    """Whether a frame is an event, whatever its type."""
    return isinstance(frame.get("position"), int) and "eventId" in frame


def to_event(frame: Frame, source: Source) -> Event:
    """Return the event of a frame."""
    return Event(
        str(frame.get("type")),
        str(frame.get("topic")),
        str(frame["eventId"]),
        frame["position"],
        int(frame.get("timestamp", 0)),
        frame.get("data"),
        source,
        filters=frame.get("filters"),
        expires_at=frame.get("expiresAt"),
    )
