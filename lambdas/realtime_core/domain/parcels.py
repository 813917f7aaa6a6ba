"""Pushes for one connection that are due together go as one frame: less to pay, and less to pace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from realtime_core.domain.frames import pack_frames
from realtime_core.domain.model import DeliveryJob
from realtime_core.domain.planning import urgency


class Parcel(NamedTuple):
    """One frame for the connections that are due exactly what is in it."""

    payload: str
    connection_ids: tuple[str, ...]
    places: tuple[int, ...]
    """Of the jobs in it, in the list that was given."""


def parcels(jobs: Sequence[DeliveryJob], now: int) -> list[Parcel]:
    """The frames that deliver these jobs, urgent ones first.

    Connections that are due the same jobs share a `batch` frame, as many as one takes. Jobs that share no
    connection stay as they are.
    """
    order = sorted(range(len(jobs)), key=lambda place: urgency(jobs[place]))
    due: dict[str, list[int]] = {}
    for place in order:
        for connection_id in jobs[place].connection_ids:
            due.setdefault(connection_id, []).append(place)
    alike: dict[tuple[int, ...], list[str]] = {}
    for connection_id, places in due.items():
        alike.setdefault(tuple(places), []).append(connection_id)
    result = []
    for shared, connection_ids in alike.items():
        start = 0
        for payload, count in pack_frames([jobs[place].payload for place in shared], now=now):
            result.append(Parcel(payload, tuple(connection_ids), shared[start : start + count]))
            start += count
    return sorted(result, key=lambda parcel: min(urgency(jobs[place]) for place in parcel.places))
