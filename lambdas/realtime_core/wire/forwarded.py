"""An event on its way to another Region: what one deployment wraps around it, and another unwraps.

The wrapping is the mark that ends the journey: what arrives with it is published, and never forwarded again.
It is around the event itself rather than in EventBridge's envelope, so that no rule's input path removes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from realtime_core.wire.events import Event
from realtime_core.wire.fields import Field, json_object, read_fields, reject
from realtime_core.wire.strict_json import INTEGER_MAX, byte_length, dumps

FORWARDED_KEY = "forwardedEvent"

FORWARDED_BYTES_MAX = 256_000
"""The most that an event may have with its wrapping. Outside limits: 256 KB (262,144 bytes) for an entry of
EventBridge and for a message of either queue, in which EventBridge's envelope is around it."""

_ORIGIN_CHARS_MAX = 200
_TIME_MS_MAX = 2**48 - 1


class Origin(NamedTuple):
    """Where a forwarded event was accepted first."""

    name: str
    """The deployment and its Region, such as `deals-production@eu-west-1`; for the logs."""
    accepted_at_ms: int
    """When, in epoch milliseconds. An inbox entry gets its id from it: the same in every Region."""


def wrap_event(event: Event, event_id: str, origin: Origin) -> str:
    """Return the text of an event for another Region."""
    raw = {
        "messageType": event.message_type,
        "data": event.data,
        **({"topic": event.topic} if event.recipients is None else {"recipients": event.recipients}),
        **({"filters": event.filters} if event.filters else {}),
        "eventId": event_id,
        **({} if event.expires_at is None else {"expiresAt": event.expires_at}),
    }
    return rewrap_event(raw, origin)


def rewrap_event(raw: Mapping[str, Any], origin: Origin) -> str:
    """Return the text of a raw event for another Region, as `unwrap_event` found it."""
    return dumps({FORWARDED_KEY: raw, "acceptedAtMs": origin.accepted_at_ms, "origin": origin.name})


def unwrap_event(wrapped: Mapping[str, Any]) -> tuple[dict[str, Any], Origin]:
    """Return the raw event of a wrapping, and where it is from. Raises ValidationFailed."""
    raw, accepted_at_ms, name = read_fields(wrapped, _FIELDS)
    return raw, Origin(name, accepted_at_ms)


def reject_unless_forwardable(event: Event, origin_name: str) -> None:
    """Raise ValidationFailed for an event that is too large for the way to another Region."""
    # The id and the time may be assigned later.
    largest = wrap_event(event, event.event_id or "x" * 128, Origin(origin_name, INTEGER_MAX))
    if (size := byte_length(largest)) > FORWARDED_BYTES_MAX:
        reject(
            "data",
            f"is too large: with filters and recipients the event has {size} bytes on its way to another "
            f"Region; at most {FORWARDED_BYTES_MAX} are allowed",
        )


def _time_ms(raw: Any, path: str) -> int:
    if not isinstance(raw, int) or isinstance(raw, bool) or not 0 <= raw <= _TIME_MS_MAX:
        reject(path, "must be a time in epoch milliseconds")
    return raw


def _origin(raw: Any, path: str) -> str:
    if not isinstance(raw, str) or not 1 <= len(raw) <= _ORIGIN_CHARS_MAX:
        reject(path, f"must be a text of 1 to {_ORIGIN_CHARS_MAX} characters")
    return raw


_FIELDS = (
    Field(FORWARDED_KEY, json_object),
    Field("acceptedAtMs", _time_ms),
    Field("origin", _origin),
)
