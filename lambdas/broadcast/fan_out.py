"""Plans how events go out: connections that get the same events share delivery jobs. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from realtime_core.push.base import DeliveryJob
from realtime_core.push.planning import PRIORITIES, split_job
from realtime_core.wire.frames import share_frames

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from realtime_core.history.base import PublishClaim
    from realtime_core.push.base import Priority

SETS_MAX = 1_000
"""The most sets of events that have jobs of their own. Each costs a message of the queue at least, and events
with many different audiences could make as many sets as there are connections."""


class OutgoingEvent(NamedTuple):
    """An event that is ready to go out."""

    claim: PublishClaim
    frame: str
    priority: Priority
    user_ids: tuple[str, ...] = ()
    """Recipients whose connections are still to be looked up."""
    expires_at: int | None = None
    """The last second in which it is news, epoch seconds; None for ever."""


class PlannedJob(NamedTuple):
    """A delivery job, and the indexes of the events whose frames it has."""

    job: DeliveryJob
    events: tuple[int, ...]


def plan_jobs(
    events: Sequence[OutgoingEvent],
    due: Mapping[str, int],
    opening: Mapping[str, int],
    tracking_id: int | None,
) -> list[PlannedJob]:
    """The jobs, numbered, that bring each connection the events that it is due.

    Bit n of a connection's number in `due` stands for the event of the index n. A job has as many events as
    fit one `batch` frame, the urgent ones first, so it costs one post a connection.
    """
    planned: list[PlannedJob] = []
    for bits, connection_ids in _by_events(due).items():
        indexes = [index for index in range(len(events)) if bits >> index & 1]
        indexes.sort(key=lambda index: PRIORITIES.index(events[index].priority))

        start = 0
        for share in share_frames([events[index].frame for index in indexes]):
            part = tuple(indexes[start : start + len(share)])
            start += len(share)
            whole = job_of([events[index] for index in part], connection_ids, opening, tracking_id)
            planned += [PlannedJob(job, part) for job in split_job(whole)]

    for index, event in enumerate(events):
        if event.user_ids:
            whole = job_of([event], (), {}, tracking_id)._replace(user_ids=event.user_ids)
            planned += [PlannedJob(job, (index,)) for job in split_job(whole)]
    return [PlannedJob(job._replace(chunk=number), indexes) for number, (job, indexes) in enumerate(planned)]


def _by_events(due: Mapping[str, int]) -> dict[int, list[str]]:
    """The connections by which events they get. Of too many sets the smallest are taken apart."""
    sets: dict[int, list[str]] = {}
    for connection_id, bits in due.items():
        sets.setdefault(bits, []).append(connection_id)
    if len(sets) <= SETS_MAX:
        return sets

    largest = sorted(sets, key=lambda bits: len(sets[bits]), reverse=True)
    kept = {bits: sets[bits] for bits in largest[:SETS_MAX]}
    for bits in largest[SETS_MAX:]:
        for index in range(bits.bit_length()):
            if bits >> index & 1:
                kept.setdefault(1 << index, []).extend(sets[bits])
    return kept


def job_of(
    events: Sequence[OutgoingEvent],
    connection_ids: Sequence[str],
    opening: Mapping[str, int],
    tracking_id: int | None,
) -> DeliveryJob:
    """One job of any size that brings connections the frames of events."""
    event_ids = ",".join([event.claim.event_id for event in events])
    ends = tuple(event.expires_at for event in events)
    return DeliveryJob(
        "\n".join([event.frame for event in events]),
        tuple(connection_ids),
        events[0].priority,
        event_ids,
        min(event.claim.at_ms for event in events),
        tracking_id=tracking_id if any(event.claim.position is not None for event in events) else None,
        correlation_id=event_ids if len(events) == 1 else "",
        opening=opening,
        frames_end=ends if any(end is not None for end in ends) else (),
    )
