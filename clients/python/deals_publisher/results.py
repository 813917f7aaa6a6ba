"""What comes back from publishing: the event's id, and what may be relied upon."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Guarantee(Enum):
    """What a call that returned has achieved."""

    PUBLISHED = "published"
    """The service has stored the event, and every push is done or queued: at least once."""
    ACCEPTED = "accepted"
    """A durable queue has the event; what cannot be published ends in its dead letters: at least once."""
    AT_MOST_ONCE = "at most once"
    """It was said to whoever listened at that moment. Nobody keeps it."""


@dataclass(frozen=True, slots=True)
class Published:
    """One event that was handed over."""

    event_id: str
    """By which a repeat is recognised for 24 hours: give it again to be sure, nothing comes twice."""
    guarantee: Guarantee
    position: int | None = None
    """The event's place in the order of all events of topics; where the service answered."""
    delivered: int | None = None
    """Connections that have it already; where the service answered."""
    queued: int | None = None
    """Connections that get it from the queue; where the service answered."""
    reference: str | None = None
    """What the carrier calls it: the message id of SQS, the id of the stream's entry."""
    listeners: int | None = None
    """Who heard it on a Redis channel; at 0 it is lost."""


@dataclass(frozen=True, slots=True)
class Notified:
    """A notification that was handed over, as one event for each thousand recipients."""

    event_id: str
    """The whole notification's: give it again to repeat all of it safely."""
    events: tuple[Published, ...]
    recipients: int
    """Distinct users."""

    @property
    def split(self) -> bool:
        """Whether it took more than one event; their ids are `event_id` with `.1`, `.2` … behind it."""
        return len(self.events) > 1
