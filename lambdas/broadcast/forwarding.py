"""Hands accepted events to the queue for other Regions."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from realtime_core.forwarding.base import Forward, Forwards
from realtime_core.wire.forwarded import Origin, reject_unless_forwardable, wrap_event

if TYPE_CHECKING:
    from realtime_core.history.base import PublishClaim
    from realtime_core.wire.events import Event


class Forwarding(NamedTuple):
    """The event buses of other Regions, and the queue that leads to them."""

    forwards: Forwards
    bus_arns: tuple[str, ...]
    origin: str
    """This deployment and its Region, such as `deals-production@eu-west-1`."""

    def check(self, event: Event) -> None:
        """Raise ValidationFailed for an event that could be accepted here but not forwarded."""
        reject_unless_forwardable(event, self.origin)

    def forward(self, event: Event, claim: PublishClaim) -> None:
        """Queue an accepted event for every bus, in one call for up to ten. Raises StoreUnavailable.

        Each bus gets a message of its own, so that a Region which is down holds up no other.
        """
        text = wrap_event(event, claim.event_id, Origin(self.origin, claim.at_ms))
        self.forwards.send([Forward(arn, text) for arn in self.bus_arns])
