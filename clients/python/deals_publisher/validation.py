"""The service's rules for events, which are checked before anything is sent.

The service has the same rules in its shared library; a test compares the two on generated events. Each
function returns the checked value or raises InvalidArgument, which names the argument and the path in it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from deals_publisher.errors import InvalidArgument

EVENTS_MAX = 100
RECIPIENTS_MAX = 1000
FRAME_BYTES_MAX = 128 * 1024
DEPTH_MAX = 64
EVENT_BYTES_MAX = 262_144
"""Limit of the queue and the stream; the service itself limits only what becomes a frame."""

_INBOX_BYTES_MAX = FRAME_BYTES_MAX - 2048
_INTEGER_MIN, _INTEGER_MAX = -(2**63), 2**63 - 1
PROTOCOL_FRAME_TYPES = frozenset(
    {
        "batch", "closing", "error", "events", "messageReceived", "messageSent", "messageStatus", "messages",
        "notificationAcked", "pong", "presence", "reconnect", "statusUpdate", "subscriptionConfirmed",
        "subscriptionEnded", "tokenExpiring", "tokenRefreshed", "unsubscriptionConfirmed",
    }
)  # fmt: skip
_MESSAGE_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_TOPIC = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*")
_TOPIC_CHARS_MAX = 64
_IDENTIFIER = re.compile(r"[A-Za-z0-9._:@|-]{1,128}")
_IDENTIFIER_DESCRIPTION = "1 to 128 characters of A-Z a-z 0-9 . _ : @ | -"
_LONGEST_ID = "x" * 128
_EPOCH_SECONDS_MIN, _EPOCH_SECONDS_MAX = 10**9, 10**10 - 1


def check_topic(value: object, argument: str = "topic") -> str:
    """Check a topic, such as `electronics.laptops`."""
    if isinstance(value, str) and len(value) <= _TOPIC_CHARS_MAX and _TOPIC.fullmatch(value):
        return value
    raise InvalidArgument(
        argument,
        f'must be 1 to {_TOPIC_CHARS_MAX} characters of a-z 0-9 -, parts joined by ".", not {value!r}',
    )


def check_message_type(value: object, argument: str = "message_type") -> str:
    """Check the type of an event."""
    if not isinstance(value, str) or not _MESSAGE_TYPE.fullmatch(value):
        raise InvalidArgument(argument, "must be a letter and up to 63 more characters of A-Z a-z 0-9 _ . -")
    if value in PROTOCOL_FRAME_TYPES:
        raise InvalidArgument(argument, f"{value!r} is the name of one of the protocol's own frames")
    return value


def check_identifier(value: object, argument: str) -> str:
    """Check the id of a user or an event."""
    if isinstance(value, str) and _IDENTIFIER.fullmatch(value):
        return value
    raise InvalidArgument(argument, f"must be a string of {_IDENTIFIER_DESCRIPTION}, not {value!r:.100}")


def check_expires_at(value: object, argument: str = "expires_at") -> int:
    """Check when an event ends: a datetime with a time zone, or epoch seconds; returns those."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise InvalidArgument(argument, "must have a time zone, such as datetime.now(UTC)")
        value = int(value.timestamp())
    elif isinstance(value, float) and value.is_integer():
        value = int(value)
    if type(value) is int and _EPOCH_SECONDS_MIN <= value <= _EPOCH_SECONDS_MAX:
        return value
    problem = "must be a datetime, or epoch seconds with ten digits such as 1795382480"
    raise InvalidArgument(argument, f"{problem}, not {value!r:.100}")


def check_user_ids(value: object, argument: str = "user_ids") -> tuple[str, ...]:
    """Check a list of at least one user id; returns them in their order, without repeats."""
    if isinstance(value, str | bytes) or not isinstance(value, Sequence | set | frozenset) or not value:
        raise InvalidArgument(argument, "must be a list of at least one user id")
    users = cast(Collection[object], value)
    ids = (check_identifier(user_id, f"{argument}[{index}]") for index, user_id in enumerate(users))
    return tuple(dict.fromkeys(ids))


def check_text(value: object, argument: str) -> str:
    """Check that a value is a string and not empty."""
    if isinstance(value, str) and value:
        return value
    raise InvalidArgument(argument, "must be a string that is not empty")


def check_json_object(value: object, argument: str) -> dict[str, Any]:
    """Check that a mapping is a valid JSON object at every level; returns a copy."""
    if not isinstance(value, Mapping):
        raise InvalidArgument(argument, f"must be a mapping, not {type(value).__name__}")
    # The event around it is a level, too, and its members are the next.
    members = _check_keys(cast(Mapping[object, object], value), argument)
    return {key: _check_value(inner, f"{argument}.{key}", 3) for key, inner in members}


def check_size(event: Mapping[str, Any]) -> None:
    """Check that an event is not too large. All other rules must have been checked before."""
    if _count_bytes(event.get("filters", {})) > FRAME_BYTES_MAX:
        raise InvalidArgument("filters", f"is too large: at most {FRAME_BYTES_MAX} bytes are allowed")
    if "recipients" in event:
        fits = _count_bytes(event["data"]) <= _INBOX_BYTES_MAX
    else:
        # The largest frame that the event can become, encoded as by the service.
        frame = {
            "type": event["messageType"],
            "data": event["data"],
            "timestamp": _INTEGER_MAX,
            "topic": event["topic"],
            "eventId": event.get("eventId") or _LONGEST_ID,
            "position": _INTEGER_MAX,
            **{name: event[name] for name in ("filters", "expiresAt") if event.get(name)},
        }
        fits = _count_bytes(frame) <= FRAME_BYTES_MAX
    if not fits:
        raise InvalidArgument(
            "data", f"is too large: the frame that clients receive would exceed {FRAME_BYTES_MAX} bytes"
        )

    if _count_bytes(event) > EVENT_BYTES_MAX:
        raise InvalidArgument("filters", f"is too large: the event would exceed {EVENT_BYTES_MAX} bytes")


def split_events(events: Sequence[Mapping[str, Any]], bytes_max: int) -> list[Sequence[Mapping[str, Any]]]:
    """Split events into lists for one envelope each: at most EVENTS_MAX, and so many bytes of JSON."""
    parts: list[list[Mapping[str, Any]]] = []
    used = 0
    for event in events:
        size = _count_bytes(event) + 1
        if not parts or len(parts[-1]) == EVENTS_MAX or used + size > bytes_max:
            parts.append([])
            used = 0
        parts[-1].append(event)
        used += size
    return list(parts)


def encode_json(value: Any) -> str:
    """Return the compact JSON text of a value that was checked."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    # Outside limit: SQS refuses a body with either of these two characters.
    return text.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")


def _check_keys(value: Mapping[Any, Any], path: str) -> Sequence[tuple[str, Any]]:
    for key in value:
        if not isinstance(key, str):
            raise InvalidArgument(path, f"has the key {key!r}; the keys of a JSON object are strings")
        _check_unicode(key, path)
    return list(value.items())


def _check_value(value: object, path: str, depth: int) -> Any:
    if isinstance(value, Mapping | list | tuple):
        if depth > DEPTH_MAX:
            raise InvalidArgument(path.partition(".")[0], f"is nested deeper than {DEPTH_MAX} levels")
        if isinstance(value, Mapping):
            members = _check_keys(cast(Mapping[object, object], value), path)
            return {key: _check_value(inner, f"{path}.{key}", depth + 1) for key, inner in members}
        items = cast(Sequence[object], value)
        return [_check_value(inner, f"{path}[{index}]", depth + 1) for index, inner in enumerate(items)]

    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _check_unicode(value, path)
    if isinstance(value, int):
        if not _INTEGER_MIN <= value <= _INTEGER_MAX:
            raise InvalidArgument(path, "is a whole number of more than 64 bits; send it as a string")
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InvalidArgument(path, f"is {value}, which is not a JSON number")
        return value
    problem = (
        f"is a {type(value).__name__}, which JSON does not support; convert it to a string, number or list"
    )
    raise InvalidArgument(path, problem)


def _check_unicode(value: str, path: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        problem = "contains half of a surrogate pair, which is not Unicode text"
        raise InvalidArgument(path.encode(errors="replace").decode(), problem) from None
    return value


def _count_bytes(value: Any) -> int:
    return len(encode_json(value).encode())
