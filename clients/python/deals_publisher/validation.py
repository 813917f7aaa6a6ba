"""The service's rules for an event, checked before anything is sent.

They are those of `realtime_core.domain.events`; a test holds the two equal on generated events.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from deals_publisher.errors import InvalidArgument

RECIPIENTS_MAX = 1000
FRAME_BYTES_MAX = 128 * 1024
DEPTH_MAX = 64
EVENT_BYTES_MAX = 262_144
"""What the queue and the stream take; the contract of the service bounds only what becomes a frame."""

_INBOX_BYTES_MAX = FRAME_BYTES_MAX - 2048
_INTEGER_MIN, _INTEGER_MAX = -(2**63), 2**63 - 1
_MESSAGE_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_TOPIC = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*")
_TOPIC_CHARS_MAX = 64
_IDENTIFIER = re.compile(r"[A-Za-z0-9._:@|-]{1,128}")
_IDENTIFIER_SAID = "1 to 128 characters of A-Z a-z 0-9 . _ : @ | -"
_ID_AT_LONGEST = "x" * 128


def topic(value: object, argument: str = "topic") -> str:
    """A topic, as `electronics.laptops`."""
    if isinstance(value, str) and len(value) <= _TOPIC_CHARS_MAX and _TOPIC.fullmatch(value):
        return value
    raise InvalidArgument(
        argument,
        f'must be 1 to {_TOPIC_CHARS_MAX} characters of a-z 0-9 -, parts joined by ".", not {value!r}',
    )


def message_type(value: object, argument: str = "message_type") -> str:
    """The name of a kind of event."""
    if isinstance(value, str) and _MESSAGE_TYPE.fullmatch(value):
        return value
    raise InvalidArgument(argument, "must be a letter and up to 63 characters more of A-Z a-z 0-9 _ . -")


def identifier(value: object, argument: str) -> str:
    """An id of a user or an event."""
    if isinstance(value, str) and _IDENTIFIER.fullmatch(value):
        return value
    raise InvalidArgument(argument, f"must be a string of {_IDENTIFIER_SAID}, not {value!r:.100}")


def user_ids(value: object, argument: str = "user_ids") -> tuple[str, ...]:
    """Distinct users, in their order; any number of them but none."""
    if isinstance(value, str | bytes) or not isinstance(value, Sequence | set | frozenset) or not value:
        raise InvalidArgument(argument, "must be a list of at least one user id")
    return tuple(dict.fromkeys(identifier(one, f"{argument}[{at}]") for at, one in enumerate(value)))


def text(value: object, argument: str) -> str:
    """A string that is not empty."""
    if isinstance(value, str) and value:
        return value
    raise InvalidArgument(argument, "must be a string, not empty")


def json_object(value: object, argument: str) -> dict[str, Any]:
    """A mapping that is a JSON object through and through."""
    if not isinstance(value, Mapping):
        raise InvalidArgument(argument, f"must be a mapping, not {type(value).__name__}")
    # The event around it is a level, too.
    return {key: _json(inner, f"{argument}.{key}", 3) for key, inner in _items(value, argument)}


def check_size(event: Mapping[str, Any]) -> None:
    """Refuse what the service would refuse for its size. The event is known to be sound otherwise."""
    if "recipients" in event:
        fits = _bytes(event["data"]) <= _INBOX_BYTES_MAX
    else:
        # The largest frame that the event can become, written as the service writes it.
        frame = {
            "type": event["messageType"],
            "data": event["data"],
            "timestamp": _INTEGER_MAX,
            "topic": event["topic"],
            "eventId": event.get("eventId") or _ID_AT_LONGEST,
            "position": _INTEGER_MAX,
        }
        fits = _bytes(frame) <= FRAME_BYTES_MAX
    if not fits:
        raise InvalidArgument(
            "data", f"is too large: what reaches a client would pass {FRAME_BYTES_MAX} bytes"
        )
    # Kept with the event, and sent to nobody.
    if _bytes(event.get("filters", {})) > FRAME_BYTES_MAX:
        raise InvalidArgument("filters", f"is too large: at most {FRAME_BYTES_MAX} bytes are taken")
    if _bytes(event) > EVENT_BYTES_MAX:
        raise InvalidArgument("filters", f"is too large: the event would pass {EVENT_BYTES_MAX} bytes")


def dumps(value: Any) -> str:
    """The compact JSON text of what went through these rules."""
    written = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    # Outside limit: SQS refuses a body that holds either of these two characters.
    return written.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")


def _items(value: Mapping[Any, Any], path: str) -> Sequence[tuple[str, Any]]:
    for key in value:
        if not isinstance(key, str):
            raise InvalidArgument(path, f"has the key {key!r}; the names in a JSON object are strings")
        _unicode(key, path)
    return list(value.items())


def _json(value: object, path: str, depth: int) -> Any:
    if isinstance(value, Mapping | list | tuple):
        if depth > DEPTH_MAX:
            raise InvalidArgument(path.partition(".")[0], f"is nested deeper than {DEPTH_MAX} levels")
        if isinstance(value, Mapping):
            return {key: _json(inner, f"{path}.{key}", depth + 1) for key, inner in _items(value, path)}
        return [_json(inner, f"{path}[{at}]", depth + 1) for at, inner in enumerate(value)]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _unicode(value, path)
    if isinstance(value, int):
        if not _INTEGER_MIN <= value <= _INTEGER_MAX:
            raise InvalidArgument(path, "is a whole number beyond 64 bits; send it as a string")
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InvalidArgument(path, f"is {value}, which is no JSON number")
        return value
    raise InvalidArgument(
        path, f"is a {type(value).__name__}, which JSON does not know; make it a string, a number or a list"
    )


def _unicode(value: str, path: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        problem = "holds half of a surrogate pair, which is not Unicode text"
        raise InvalidArgument(path.encode(errors="replace").decode(), problem) from None
    return value


def _bytes(value: Any) -> int:
    return len(dumps(value).encode())
