"""The results of publishing: the id of the event, and what its transport guarantees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from deals_publisher.errors import Forbidden, PublishError, Rejected


class Guarantee(Enum):
    """What is guaranteed when a call returns."""

    PUBLISHED = "published"
    """The service has stored the event, and every push is done or queued: at least once."""
    ACCEPTED = "accepted"
    """A durable queue has the event; what cannot be published ends in its dead letters: at least once."""
    AT_MOST_ONCE = "at most once"
    """It was sent to the current subscribers of a channel, which does not store it."""


@dataclass(frozen=True, slots=True)
class Published:
    """One event that was sent."""

    event_id: str
    """The service recognises a repeat by it for 24 hours, so it is safe to publish again with the same id."""
    guarantee: Guarantee
    position: int | None = None
    """The event's place in the order of all topics' events; only with `PUBLISHED`."""
    delivered: int | None = None
    """Connections that have received it; only with `PUBLISHED`."""
    queued: int | None = None
    """Connections that will receive it from the deliveries queue; only with `PUBLISHED`."""
    reference: str | None = None
    """The id that the transport assigned: of the SQS message, or of the stream's entry."""
    listeners: int | None = None
    """How many subscribers of a Redis channel received it; at 0 it is lost."""


@dataclass(frozen=True, slots=True)
class Notified:
    """A notification that was sent, as one event for each thousand recipients."""

    event_id: str
    """Of the whole notification: publishing again with the same id is safe."""
    events: tuple[Published, ...]
    recipients: int
    """How many distinct users."""

    @property
    def split(self) -> bool:
        """Whether it took more than one event; their ids are `event_id` with `.1`, `.2` … behind it."""
        return len(self.events) > 1


def read_result(event_id: str, body: Mapping[str, Any]) -> Published | PublishError:
    """Return what the service answered for one event."""
    if body["broadcast"] == "rejected":
        kind = Forbidden if body.get("code") == "FORBIDDEN" else Rejected
        return kind(event_id, body["errors"])
    if body["broadcast"] == "failed":
        # It waits in the service's queue for another attempt.
        return Published(event_id, Guarantee.ACCEPTED)
    return Published(
        event_id,
        Guarantee.PUBLISHED,
        position=body.get("position"),
        delivered=body["delivered"],
        queued=body["queued"],
    )
