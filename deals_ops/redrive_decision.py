"""Decides whether a dead letter can be sent again, and with which body. Calls nothing.

**Events** go through the events queue again, under the id that their first attempts had: the publisher's
`eventId`, else its carrier's (SNS, EventBridge), the queue message's, or the invocation's. An event that was
partly or fully published before is therefore not published twice: `broadcast` knows the id for 24 hours, and
after that clients still drop a repeat by it. An event that still breaks the contract stays.

**Deliveries** go back to the deliveries queue as a first attempt. A connection lives two hours at most, so an
older job has nobody left to reach: it stays, and clients that resume read the event from the history.

**Forwards** go back to the forwards queue unchanged. The Region that they are for drops an event whose id it
published within 24 hours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from deals_ops.dead_letters import DeadLetter
from realtime_core.errors import ValidationFailed
from realtime_core.forwarding.base import bus_region, decode_forward
from realtime_core.lifetimes import CONNECTION_LIFETIME_SECONDS
from realtime_core.push.planning import JOB_BYTES_MAX, decode_job, encode_job
from realtime_core.wire.envelopes import events_of, unwrap, with_ids
from realtime_core.wire.events import Event, parse_event
from realtime_core.wire.fields import IDENTIFIER, json_object
from realtime_core.wire.forwarded import Origin, rewrap_event, unwrap_event
from realtime_core.wire.strict_json import byte_length, dumps, loads


@dataclass(frozen=True, slots=True)
class RedriveDecision:
    """What is known of a dead letter. `body` is what to send again, or None if it has to stay."""

    about: str
    """In a few words, for a table."""
    event_id: str | None
    why: str
    body: str | None = None


def decide_event(dead_letter: DeadLetter, _now: float) -> RedriveDecision:
    """Decide about a dead letter of the events queue: refused, or failed on every attempt or invocation."""
    if "originalBytes" in dead_letter.attributes:
        size = dead_letter.attributes["originalBytes"]
        return RedriveDecision("cut event", None, f"only the beginning of its {size} bytes was kept")

    try:
        carried = unwrap(dead_letter.body)
        assigned_id = carried.carrier_id or dead_letter.message_id
        if (events := events_of(carried.raw)) is not None:
            return _decide_events(with_ids(events, assigned_id), assigned_id, carried.origin)
        event = parse_event(carried.raw)
    except ValidationFailed as error:
        return RedriveDecision("refused event", None, f"still breaks the contract: {error.message}")

    event_id = event.event_id or assigned_id
    about = _describe_event(event)
    if not IDENTIFIER.fullmatch(event_id):
        return RedriveDecision(about, None, f"{event_id!r} cannot be an event id")

    return _send_again(about, event_id, {**carried.raw, "eventId": event_id}, carried.origin)


def _describe_event(event: Event) -> str:
    return f"{event.message_type} for {event.topic or f'{len(event.recipients or ())} users'}"


def _decide_events(events: list[Any], assigned_id: str, origin: Origin | None) -> RedriveDecision:
    """Decide about the events of an envelope. It goes as a whole: `broadcast` refuses those that are bad."""
    return _send_again(f"{len(events)} events", assigned_id, {"events": events}, origin)


def _send_again(about: str, event_id: str, named: dict[str, Any], origin: Origin | None) -> RedriveDecision:
    """Decide about what is good and has its ids."""
    # What another Region forwarded keeps its mark, or it would be sent back there.
    body = dumps(named) if origin is None else rewrap_event(named, origin)
    if byte_length(body) > JOB_BYTES_MAX:
        why = f"with its eventId it exceeds the {JOB_BYTES_MAX} bytes of the queue"
        return RedriveDecision(about, event_id, why)
    return RedriveDecision(about, event_id, "goes to the events queue", body)


def decide_delivery(dead_letter: DeadLetter, now: float) -> RedriveDecision:
    """Decide about a dead letter of the deliveries queue: a job whose pushes failed on every attempt."""
    try:
        job = decode_job(dead_letter.body)
    except ValueError as error:
        return RedriveDecision("unreadable job", None, str(error))

    kind = "users" if job.user_ids else "connections"
    about = f"{job.priority} for {len(job.user_ids or job.connection_ids)} {kind}"
    if now - job.published_at_ms / 1000 > CONNECTION_LIFETIME_SECONDS:
        why = "older than two hours: all of its connections have ended; purge it"
        return RedriveDecision(about, job.event_id, why)

    body = encode_job(job._replace(attempt=1))
    return RedriveDecision(about, job.event_id, "goes to the deliveries queue as a first attempt", body)


def decide_forward(dead_letter: DeadLetter, _now: float) -> RedriveDecision:
    """Decide about a dead letter of the forwards queue: an event that another Region did not accept."""
    try:
        forward = decode_forward(dead_letter.body)
        raw, _ = unwrap_event(json_object(loads(forward.text), "body"))
        event = parse_event(raw)
    except ValidationFailed as error:
        return RedriveDecision("unreadable forward", None, error.message)
    except ValueError as error:
        return RedriveDecision("unreadable forward", None, str(error))

    region = bus_region(forward.bus_arn)
    about = f"{_describe_event(event)}, to {region}"
    why = f"goes to the forwards queue, and from there to {region}"
    return RedriveDecision(about, event.event_id, why, dead_letter.body)


DECIDE_BY_QUEUE: dict[str, Callable[[DeadLetter, float], RedriveDecision]] = {
    "events": decide_event,
    "deliveries": decide_delivery,
    "forwards": decide_forward,
}
"""By queue: decides about one dead letter at an epoch second."""
