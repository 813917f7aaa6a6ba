"""Turns what publishers put into Redis into events for `broadcast`. No I/O."""

from __future__ import annotations

import uuid
import zlib
from collections.abc import Mapping
from typing import Any

from realtime_core.wire.events import parse_event
from realtime_core.wire.fields import Field, json_object, read_fields, reject, reject_if_any
from realtime_core.wire.json_problems import find_json_problems, parse_leniently
from realtime_core.wire.strict_json import dumps, loads
from redis_relay.settings import CHANNEL_PREFIX

EVENT_BYTES_MAX = 262_144
"""The limit of a message of the events queue; a frame that clients receive is far smaller (128 KB)."""
_FIRST_SHAPE = {"type", "data", "timestamp"}


def from_channel(channel: bytes, data: bytes) -> bytes:
    """The event of a channel's message, as JSON. It gets its id here, so that a retry publishes it once.

    Raises ValidationFailed with the invalid fields.
    """
    event = _from_first_shape(_parse(data, "message"))
    topic = channel.decode(errors="replace").removeprefix(CHANNEL_PREFIX)
    if event.get("topic") not in {None, topic}:
        reject("topic", f"differs from the channel's, {topic[:64]!r}; leave it out, or name the same")
    return _with_id({**event, "topic": topic}, f"channel:{uuid.uuid4()}")


def _from_first_shape(event: dict[str, Any]) -> dict[str, Any]:
    """An event as it is, or a message in the shape that services published before there was a protocol.

    That shape is `{"type", "data", "timestamp"}`. The service sets the time of each event itself.
    """
    if event.keys() == _FIRST_SHAPE or event.keys() == _FIRST_SHAPE - {"timestamp"}:
        return {"messageType": event["type"], "data": event["data"]}
    return event


def from_entry(entry_id: bytes, fields: Mapping[bytes, bytes]) -> bytes:
    """The event of a stream's entry, as JSON. Without an id of its own, the event gets one from the entry.

    The id has a checksum of the event's text as well: after a failover Redis may assign an entry id a second
    time. Raises ValidationFailed with the invalid fields.
    """
    named = {name.decode(errors="replace"): value for name, value in fields.items()}
    (event,) = read_fields(named, (Field("event", _parse),))
    checksum = zlib.crc32(fields[b"event"])
    return _with_id(event, f"stream:{entry_id.decode()}:{checksum:08x}")


def _parse(raw: Any, path: str) -> dict[str, Any]:
    """A JSON object; `path` names it in the problems that ValidationFailed reports."""
    if len(raw) > EVENT_BYTES_MAX:
        reject(path, f"is too large: {len(raw)} bytes, at most {EVENT_BYTES_MAX} are taken")
    try:
        value = loads(raw)
    except ValueError as error:
        reject_if_any(find_json_problems(parse_leniently(raw), path))
        reject(path, str(error))
    return json_object(value, path)


def _with_id(event: dict[str, Any], event_id: str) -> bytes:
    """The valid event with this id, unless it has one of its own."""
    parse_event(event)
    named = event.get("eventId") is not None
    return dumps(event if named else {**event, "eventId": event_id}).encode()
