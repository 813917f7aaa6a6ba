"""Planning of deliveries: jobs that fit the queue, and `batch` frames for jobs that are posted together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from realtime_core.connections.base import Recipient
from realtime_core.push.base import DeliveryJob, Priority
from realtime_core.wire.frames import pack_frames
from realtime_core.wire.strict_json import byte_length, dumps, loads

# Outside limit: the largest SQS message that the Terraform provider allows.
JOB_BYTES_MAX = 256 * 1024
# Room for the fields of a job other than its payload and ids, and for the reason of a dead letter: a job that
# fits the queue is not cut when it is given up.
ENVELOPE_BYTES = 6 * 1024
# An invocation posts one job: two seconds at a tenth of the account's 10,000 posts a second.
JOB_IDS_MAX = 2000

# Users wait for messages; an event of a topic reaches thousands and may arrive a moment later.
PRIORITIES: tuple[Priority, ...] = ("message", "notification", "deal")


def reachable_connections(members: Iterable[Recipient], now: int) -> list[str]:
    """The ids of connections whose token has not expired, each once, in order."""
    return list(dict.fromkeys(member.connection_id for member in members if member.token_exp > now))


def split_connections(
    payload: str,
    ids: Sequence[str],
    *,
    bytes_max: int = JOB_BYTES_MAX - ENVELOPE_BYTES,
    ids_max: int = JOB_IDS_MAX,
) -> list[tuple[str, ...]]:
    """Split ids into chunks that each fit a job with the payload. Raises ValueError if not one id fits."""
    room = bytes_max - byte_length(payload)
    chunks: list[tuple[str, ...]] = []
    start = used = 0
    for index, connection_id in enumerate(ids):
        size = _id_bytes(connection_id)
        if size > room:
            raise ValueError(
                f"a payload of {byte_length(payload)} bytes leaves no room in a job of {bytes_max}"
            )
        if used + size > room or index - start >= ids_max:
            chunks.append(tuple(ids[start:index]))
            start, used = index, 0
        used += size
    if start < len(ids):
        chunks.append(tuple(ids[start:]))
    return chunks


def split_job(whole: DeliveryJob) -> list[DeliveryJob]:
    """Split a job for any number of connections into numbered jobs that each fit the queue."""
    return [
        whole._replace(connection_ids=connection_ids, chunk=number)
        for number, connection_ids in enumerate(split_connections(whole.payload, whole.connection_ids))
    ]


def encode_job(job: DeliveryJob) -> str:
    """The body of a queue message: the job's fields as a line of JSON, then the unchanged payload.

    The payload is JSON itself; as a field it would be escaped, and could double in size.
    """
    fields = {
        "connectionIds": job.connection_ids,
        "priority": job.priority,
        "eventId": job.event_id,
        "publishedAtMs": job.published_at_ms,
        "attempt": job.attempt,
        "position": job.position,
        "chunk": job.chunk,
        "correlationId": job.correlation_id,
    }
    return f"{dumps(fields)}\n{job.payload}"


def decode_job(text: str) -> DeliveryJob:
    """The job of a queue message's body. Raises ValueError if it is malformed."""
    head, newline, payload = text.partition("\n")
    fields: Any = loads(head)
    if not newline or not isinstance(fields, dict):
        raise ValueError("not a delivery job: expected a line of JSON and a payload")
    try:
        return DeliveryJob(
            payload=payload,
            connection_ids=tuple(fields["connectionIds"]),
            priority=fields["priority"],
            event_id=fields["eventId"],
            published_at_ms=fields["publishedAtMs"],
            attempt=fields["attempt"],
            position=fields["position"],
            chunk=fields["chunk"],
            # Absent in jobs that an earlier version queued.
            correlation_id=fields.get("correlationId", ""),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a delivery job: {error!r}") from error


def urgency(job: DeliveryJob) -> int:
    """The sort key of jobs: the lowest is posted first."""
    return PRIORITIES.index(job.priority)


def _id_bytes(connection_id: str) -> int:
    return byte_length(dumps(connection_id)) + 1  # the comma


class FrameBatch(NamedTuple):
    """A frame, and the connections that receive exactly the jobs in it."""

    payload: str
    connection_ids: tuple[str, ...]
    jobs: tuple[int, ...]
    """The indexes of the jobs in the frame."""


def frame_batches(jobs: Sequence[DeliveryJob], now: int) -> list[FrameBatch]:
    """The frames that deliver these jobs, urgent ones first.

    Jobs for the same connections share `batch` frames, as many as fit each. Jobs that share no connection are
    not combined.
    """
    order = sorted(range(len(jobs)), key=lambda index: urgency(jobs[index]))
    jobs_of: dict[str, list[int]] = {}
    for index in order:
        for connection_id in jobs[index].connection_ids:
            jobs_of.setdefault(connection_id, []).append(index)

    # Connections with the same jobs receive the same frames.
    connections_of: dict[tuple[int, ...], list[str]] = {}
    for connection_id, indexes in jobs_of.items():
        connections_of.setdefault(tuple(indexes), []).append(connection_id)

    batches = []
    for shared, connection_ids in connections_of.items():
        start = 0
        for payload, count in pack_frames([jobs[index].payload for index in shared], now=now):
            batches.append(FrameBatch(payload, tuple(connection_ids), shared[start : start + count]))
            start += count
    return sorted(batches, key=lambda batch: min(urgency(jobs[index]) for index in batch.jobs))
