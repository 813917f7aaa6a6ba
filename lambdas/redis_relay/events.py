"""Turns what publishers put into Redis into events for `broadcast`. No I/O."""

from __future__ import annotations

import uuid
import zlib
from collections.abc import Mapping
from typing import Any

from realtime_core.wire.envelopes import events_of, with_ids
from realtime_core.wire.events import parse_event
from realtime_core.wire.fields import Field, json_object, read_fields, reject
from realtime_core.wire.json_problems import parse_text
from realtime_core.wire.strict_json import dumps
from redis_relay.settings import CHANNEL_PREFIX

EVENT_BYTES_MAX = 262_144
"""The limit of a message of the events queue; a frame that clients receive is far smaller (128 KB)."""
_FIRST_SHAPE = {"type", "data", "timestamp"}


def from_channel(channel: bytes, data: bytes) -> list[bytes]:
    """The events of a channel's message, as JSON. They get ids here, so that a retry publishes them once.

    Raises ValidationFailed with the invalid fields. Of several events `broadcast` rejects the invalid ones.
    """
    raw = _parse(data, "message")
    topic = channel.decode(errors="replace").removeprefix(CHANNEL_PREFIX)
    event_id = f"channel:{uuid.uuid4()}"
    if (events := events_of(raw)) is not None:
        of_topic = [_with_topic(event, topic, f"events[{index}].topic") for index, event in enumerate(events)]
        return _several(of_topic, event_id)
    return [_with_id(_with_topic(raw, topic, "topic"), event_id)]


def _with_topic(event: Any, topic: str, path: str) -> Any:
    """An event with the channel's topic; what is no object stays as it is, for `broadcast` to reject.

    Raises ValidationFailed for one that names another topic: who may publish is said by channel.
    """
    if not isinstance(event, dict):
        return event
    named = event.get("topic")
    if named is not None and named != topic:
        reject(path, f"differs from the channel's, {topic[:64]!r}; leave it out, or name the same")
    return {**_from_first_shape(event), "topic": topic}


def _from_first_shape(event: dict[str, Any]) -> dict[str, Any]:
    """An event as it is, or a message in the shape that services published before there was a protocol.

    That shape is `{"type", "data", "timestamp"}`. The service sets the time of each event itself.
    """
    if event.keys() == _FIRST_SHAPE or event.keys() == _FIRST_SHAPE - {"timestamp"}:
        return {"messageType": event["type"], "data": event["data"]}
    return event


def from_entry(entry_id: bytes, fields: Mapping[bytes, bytes]) -> list[bytes]:
    """The events of a stream's entry, as JSON. Without an id of its own, an event gets one from the entry.

    The id has a checksum of the entry's text as well: after a failover Redis may assign an entry id a second
    time. Raises ValidationFailed with the invalid fields. Of several events `broadcast` rejects the invalid
    ones.
    """
    named = {name.decode(errors="replace"): value for name, value in fields.items()}
    (raw,) = read_fields(named, (Field("event", _parse),))
    checksum = zlib.crc32(fields[b"event"])
    event_id = f"stream:{entry_id.decode()}:{checksum:08x}"
    if (events := events_of(raw)) is not None:
        return _several(events, event_id)
    return [_with_id(raw, event_id)]


def _several(events: list[Any], event_id: str) -> list[bytes]:
    """The events of an envelope, valid or not, each with an id if it has none and is an object."""
    return [dumps(event).encode() for event in with_ids(events, event_id)]


def _parse(raw: Any, path: str) -> dict[str, Any]:
    """A JSON object; `path` names it in the problems that ValidationFailed reports."""
    if len(raw) > EVENT_BYTES_MAX:
        reject(path, f"is too large: {len(raw)} bytes, at most {EVENT_BYTES_MAX} are taken")
    return json_object(parse_text(raw, path), path)


def _with_id(event: dict[str, Any], event_id: str) -> bytes:
    """The valid event with this id, unless it has one of its own."""
    parse_event(event)
    named = event.get("eventId") is not None
    return dumps(event if named else {**event, "eventId": event_id}).encode()
