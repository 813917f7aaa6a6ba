"""From an event to the jobs that deliver it: which groups, which connections, in which portions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from realtime_core.connections.base import Recipient
from realtime_core.push.base import DeliveryJob, Priority
from realtime_core.wire.frames import pack_frames
from realtime_core.wire.strict_json import byte_length, dumps, loads

# Outside limit: the largest SQS message that the Terraform provider lets a queue take.
JOB_BYTES_MAX = 256 * 1024

# Room for what a job says of itself beside its payload and ids.
ENVELOPE_BYTES = 1024

# One job is posted by one invocation: at a tenth of the account's 10,000 posts a second, in two seconds.
JOB_IDS_MAX = 2000

# People wait for what a person wrote; a deal reaches thousands, and a moment later is as good.
PRIORITIES: tuple[Priority, ...] = ("message", "notification", "deal")


def audience(members: Iterable[Recipient], now: int) -> list[str]:
    """The connections to post to, each once, in the order met; those whose token has run out are skipped."""
    return list(dict.fromkeys(member.connection_id for member in members if member.token_exp > now))


def chunk(
    payload: str,
    ids: Sequence[str],
    *,
    bytes_max: int = JOB_BYTES_MAX - ENVELOPE_BYTES,
    ids_max: int = JOB_IDS_MAX,
) -> list[tuple[str, ...]]:
    """Split ids into portions that fit one job with the payload. Raises ValueError where none fits."""
    room = bytes_max - byte_length(payload)
    portions: list[tuple[str, ...]] = []
    start = used = 0
    for index, connection_id in enumerate(ids):
        size = _id_bytes(connection_id)
        if size > room:
            raise ValueError(
                f"a payload of {byte_length(payload)} bytes leaves no room in a job of {bytes_max}"
            )
        if used + size > room or index - start >= ids_max:
            portions.append(tuple(ids[start:index]))
            start, used = index, 0
        used += size
    if start < len(ids):
        portions.append(tuple(ids[start:]))
    return portions


def jobs(whole: DeliveryJob) -> list[DeliveryJob]:
    """A job of any number of connections, as numbered jobs that each fit the queue."""
    return [
        whole._replace(connection_ids=portion, chunk=number)
        for number, portion in enumerate(chunk(whole.payload, whole.connection_ids))
    ]


def encode_job(job: DeliveryJob) -> str:
    """The body of a queue message: a line of JSON about the job, then the payload as it is.

    The payload is JSON too; inside the first it would be escaped, and could double in size.
    """
    about = {
        "connectionIds": job.connection_ids,
        "priority": job.priority,
        "eventId": job.event_id,
        "publishedAtMs": job.published_at_ms,
        "attempt": job.attempt,
        "position": job.position,
        "chunk": job.chunk,
        "correlationId": job.correlation_id,
    }
    return f"{dumps(about)}\n{job.payload}"


def decode_job(text: str) -> DeliveryJob:
    """The job of a queue message's body. Raises ValueError where it is none."""
    head, newline, payload = text.partition("\n")
    about: Any = loads(head)
    if not newline or not isinstance(about, dict):
        raise ValueError("not a delivery job: a line of JSON and a payload are expected")
    try:
        return DeliveryJob(
            payload=payload,
            connection_ids=tuple(about["connectionIds"]),
            priority=about["priority"],
            event_id=about["eventId"],
            published_at_ms=about["publishedAtMs"],
            attempt=about["attempt"],
            position=about["position"],
            chunk=about["chunk"],
            # A job that was queued before there was one has none.
            correlation_id=about.get("correlationId", ""),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a delivery job: {error!r}") from error


def urgency(job: DeliveryJob) -> int:
    """What jobs are sorted by when the request budget is short: the lowest goes first."""
    return PRIORITIES.index(job.priority)


def _id_bytes(connection_id: str) -> int:
    return byte_length(dumps(connection_id)) + 1  # and the comma


class FrameBatch(NamedTuple):
    """One frame for the connections that are due exactly what is in it."""

    payload: str
    connection_ids: tuple[str, ...]
    places: tuple[int, ...]
    """Of the jobs in it, in the list that was given."""


def frame_batches(jobs: Sequence[DeliveryJob], now: int) -> list[FrameBatch]:
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
            result.append(FrameBatch(payload, tuple(connection_ids), shared[start : start + count]))
            start += count
    return sorted(result, key=lambda parcel: min(urgency(jobs[place]) for place in parcel.places))
