"""What a publisher knows of events on their way out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from broadcast.fan_out import OutgoingEvent, PlannedJob
    from realtime_core.errors import StoreUnavailable
    from realtime_core.history.base import PublishClaim
    from realtime_core.subscriptions.base import Group
    from realtime_core.wire.events import Event
    from realtime_core.wire.forwarded import Origin


class Claimed(NamedTuple):
    """An event that this publisher has the claim on."""

    event: Event
    claim: PublishClaim
    origin: Origin | None


class Attempt:
    """What is known of events on their way out; an index is that of an event in `claimed`."""

    def __init__(self, claimed: Sequence[Claimed]) -> None:
        self.claimed = claimed
        self.outgoing: list[OutgoingEvent] = []
        self.due: dict[str, int] = {}
        """Which events each connection gets; see `plan_jobs`."""
        self.large: dict[int, dict[str, list[Group]]] = {}
        """The events that are planned by themselves; see `Subscribers.due`."""
        self.paused: set[int] = set()
        """Those of them that another attempt must go on with."""
        self.opening: dict[str, int] = {}
        self.delivered = [0] * len(claimed)
        self.queued = [0] * len(claimed)
        self.failed: dict[int, StoreUnavailable] = {}

    def fail(self, jobs: Iterable[PlannedJob], error: StoreUnavailable) -> None:
        """Note that the events of jobs are not out."""
        self.failed.update({index: error for item in jobs for index in item.events})

    def audiences(self, jobs: Iterable[PlannedJob]) -> list[int]:
        """How many recipients each event has."""
        counts = [0] * len(self.claimed)
        for job, indexes in jobs:
            for index in indexes:
                counts[index] += len(job.connection_ids)
        return counts

    def count_queued(self, jobs: Iterable[PlannedJob]) -> None:
        """Count the recipients that were queued; a user to be looked up counts as one connection."""
        for job, indexes in jobs:
            for index in indexes:
                self.queued[index] += len(job.connection_ids) + len(job.user_ids)

    def body(self, index: int) -> dict[str, Any]:
        """The body of the synchronous answer for an event, by the wire contract; counts are connections."""
        claim = self.claimed[index].claim
        delivered, queued = self.delivered[index], self.queued[index]
        return {
            "broadcast": "success",
            "eventId": claim.event_id,
            **({} if claim.position is None else {"position": claim.position}),
            "delivered": delivered,
            "queued": queued,
            "total": delivered + queued,
            **({"more": True} if index in self.paused else {}),
        }
