"""What publishers put into Redis, checked and made into what `broadcast` takes. Without I/O."""

from __future__ import annotations

import uuid
import zlib
from collections.abc import Mapping
from typing import Any

from realtime_core.wire.events import parse_event
from realtime_core.wire.fields import Field, json_object, read_fields, reject, reject_if_any
from realtime_core.wire.json_problems import find_json_problems, parse_leniently
from realtime_core.wire.strict_json import dumps, loads
from redis_relay.names import CHANNEL_PREFIX

EVENT_BYTES_MAX = 262_144
"""As large as a message of the events queue may be; what becomes a frame is far smaller (128 KB)."""


def from_channel(channel: bytes, data: bytes) -> bytes:
    """The event of a channel's message. It gets an id here, so that to try again is to publish once.

    Raises ValidationFailed with the fields at fault.
    """
    event = _event(data, "message")
    topic = channel.decode(errors="replace").removeprefix(CHANNEL_PREFIX)
    if event.get("topic", topic) != topic:
        reject("topic", f"differs from the channel's, {topic[:64]!r}; leave it out, or name the same")
    return _checked({**event, "topic": topic}, f"channel:{uuid.uuid4()}")


def from_entry(entry_id: bytes, fields: Mapping[bytes, bytes]) -> bytes:
    """The event of a stream's entry; without an id of its own it gets one made of the entry.

    Its text goes in too: after a failover Redis may give out an entry id a second time. Raises
    ValidationFailed with the fields at fault.
    """
    named = {name.decode(errors="replace"): value for name, value in fields.items()}
    (event,) = read_fields(named, (Field("event", _event),))
    text = zlib.crc32(fields[b"event"])
    return _checked(event, f"stream:{entry_id.decode()}:{text:08x}")


def _event(raw: Any, path: str) -> dict[str, Any]:
    if len(raw) > EVENT_BYTES_MAX:
        reject(path, f"is too large: {len(raw)} bytes, at most {EVENT_BYTES_MAX} are taken")
    try:
        value = loads(raw)
    except ValueError as error:
        reject_if_any(find_json_problems(parse_leniently(raw), path))
        reject(path, str(error))
    return json_object(value, path)


def _checked(event: dict[str, Any], event_id: str) -> bytes:
    parse_event(event)
    return dumps({"eventId": event_id, **event}).encode()
