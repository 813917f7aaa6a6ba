"""Publishes what a caller waits for: the events of an invoke, or of a request of the publish API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from broadcast.reception import Received, Reception, answer, has_more, text_of
from broadcast.slices import planning_deadline, publish_in_time
from realtime_core.errors import StoreUnavailable
from realtime_core.telemetry.logs import bind, get_logger
from realtime_core.telemetry.metric_catalog import BATCH_SIZE
from realtime_core.telemetry.metrics import add

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from broadcast.publisher import Publisher
    from realtime_core.push.base import EventsQueue

log = get_logger(__name__)


def publish_received(
    publisher: Publisher, events: EventsQueue, reception: Reception, seconds_left: Callable[[], float]
) -> dict[str, Any]:
    """Publish the event, or the good events of an envelope; returns the body of the answer.

    What needs another attempt goes to the events queue. Raises StoreUnavailable where nothing could be
    published: then the caller tries again.
    """
    if reception.is_envelope:
        return _publish_envelope(publisher, events, reception, seconds_left)

    (item,) = reception.received
    assert item.submission is not None, "a single event that is refused is not received"  # noqa: S101
    event, event_id, _ = item.submission
    bind(correlationId=event_id, eventId=event_id)
    body = publisher.publish(event, event_id, deadline=planning_deadline(seconds_left()))
    if has_more(body):
        try_later(events, [item])
    return body


def _publish_envelope(
    publisher: Publisher, events: EventsQueue, reception: Reception, seconds_left: Callable[[], float]
) -> dict[str, Any]:
    submissions = [item.submission for item in reception.received if item.submission is not None]
    results = publish_in_time(publisher, submissions, seconds_left)
    by_event = iter(results)
    answered = [(item, None if item.submission is None else next(by_event)) for item in reception.received]

    failed = [(item, result) for item, result in answered if isinstance(result, Exception)]
    if failed and len(failed) == len(submissions):
        raise StoreUnavailable(f"none of {len(failed)} events could be published") from failed[0][1]
    later = [item for item, result in answered if isinstance(result, Exception) or has_more(result)]
    if later:
        try_later(events, later)
    return {"broadcast": "success", "results": [answer(item, result) for item, result in answered]}


def note_size(reception: Reception) -> None:
    """Count the events that came together."""
    if reception.is_envelope:
        add(BATCH_SIZE, len(reception.received))


def try_later(events: EventsQueue, items: Sequence[Received]) -> None:
    """Put events on the events queue, under the ids that they have got. Raises StoreUnavailable."""
    log.warning("events_queued_again", events=len(items))
    events.send([text_of(item) for item in items])
