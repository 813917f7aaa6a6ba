"""Planning of deliveries: jobs that fit the queue, and `batch` frames for jobs that are posted together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from realtime_core.connections.base import Recipient, is_opening
from realtime_core.lifetimes import is_expired
from realtime_core.push.base import DeliveryJob, PostReport, Priority
from realtime_core.wire.frames import pack_frames
from realtime_core.wire.strict_json import byte_length, dumps, loads

# Outside limit: the largest SQS message that the Terraform provider allows.
JOB_BYTES_MAX = 256 * 1024
# Room for the fields of a job other than its payload and ids, and for the reason of a dead letter: a job that
# fits the queue is not cut when it is given up.
ENVELOPE_BYTES = 6 * 1024
# A colon and an epoch second.
EPOCH_BYTES = 12
# A job is posted in two seconds at a tenth of the account's 10,000 posts a second.
JOB_IDS_MAX = 2000

# Each user has at most a few dozen connections, which must fit one job when some of them are queued again.
JOB_USERS_MAX = 50

_NONE: Mapping[str, int] = MappingProxyType({})

# Users wait for messages; an event of a topic reaches thousands and may arrive a moment later.
PRIORITIES: tuple[Priority, ...] = ("message", "notification", "deal")


def reachable_connections(members: Iterable[Recipient], now: int) -> list[str]:
    """The ids of connections whose token has not expired, each once, in order."""
    return list(dict.fromkeys(member.connection_id for member in members if member.token_exp > now))


def opening_connections(members: Iterable[Recipient], now: int) -> dict[str, int]:
    """The connections that may still be in their handshake, and when each was made.

    Only those that were found by their user can be: a subscription comes over an open connection.
    """
    return {
        member.connection_id: member.connected_at
        for member in members
        if is_opening(member.connected_at, now)
    }


def keep_opening(job: DeliveryJob, report: PostReport, now: int) -> tuple[PostReport, dict[str, int]]:
    """Take the connections that may still open out of the `gone` of a report, and return both."""
    opening = {
        connection_id: job.opening[connection_id]
        for connection_id in report.gone
        if is_opening(job.opening.get(connection_id, 0), now)
    }
    if not opening:
        return report, opening
    return report._replace(gone=tuple(item for item in report.gone if item not in opening)), opening


def opening_delay(opening: Mapping[str, int], now: int) -> int:
    """How long to wait for connections to open: as long as the youngest has taken so far, 1 to 8 seconds."""
    return min(8, max(1, now - max(opening.values())))


def narrow(job: DeliveryJob, connection_ids: Sequence[str]) -> DeliveryJob:
    """The job for some of its connections, and for its users."""
    opening = {item: job.opening[item] for item in connection_ids if item in job.opening}
    return job._replace(connection_ids=tuple(connection_ids), opening=opening)


def drop_expired(job: DeliveryJob, now: int) -> DeliveryJob:
    """The job without the frames whose event has expired; it is for nobody if it has none left."""
    if not any(is_expired(end, now) for end in job.frames_end):
        return job
    frames = zip(job.payload.split("\n"), job.frames_end, strict=True)
    left = [(frame, end) for frame, end in frames if not is_expired(end, now)]
    if not left:
        return job._replace(connection_ids=(), user_ids=(), opening=_NONE)
    return job._replace(
        payload="\n".join(frame for frame, _ in left), frames_end=tuple(end for _, end in left)
    )


def split_connections(
    payload: str,
    ids: Sequence[str],
    *,
    opening: Mapping[str, int] = _NONE,
    bytes_max: int = JOB_BYTES_MAX - ENVELOPE_BYTES,
    ids_max: int = JOB_IDS_MAX,
) -> list[tuple[str, ...]]:
    """Split ids into chunks that each fit a job with the payload. Raises ValueError if not one id fits.

    The ids in `opening` are named twice in a job, the second time with an epoch second.
    """
    room = bytes_max - byte_length(payload)
    chunks: list[tuple[str, ...]] = []
    start = used = 0
    for index, connection_id in enumerate(ids):
        size = _id_bytes(connection_id)
        if connection_id in opening:
            size += size + EPOCH_BYTES
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
    """Split a job for any number of connections and users into numbered jobs that each fit the queue."""
    beside_ids = byte_length(whole.event_id) + EPOCH_BYTES * len(whole.frames_end)
    bytes_max = JOB_BYTES_MAX - ENVELOPE_BYTES - beside_ids
    parts = [
        narrow(whole, connection_ids)._replace(user_ids=())
        for connection_ids in split_connections(
            whole.payload, whole.connection_ids, opening=whole.opening, bytes_max=bytes_max
        )
    ]
    for start in range(0, len(whole.user_ids), JOB_USERS_MAX):
        user_ids = whole.user_ids[start : start + JOB_USERS_MAX]
        parts.append(narrow(whole, ())._replace(user_ids=user_ids))
    return [part._replace(chunk=number) for number, part in enumerate(parts)]


def encode_job(job: DeliveryJob) -> str:
    """The body of a queue message: the job's fields as a line of JSON, then the unchanged payload.

    The payload is JSON itself; as a field it would be escaped, and could double in size. A job for users
    alone has no connections.
    """
    # An earlier version reads neither several frames nor users: it shall fail rather than misread them.
    ids = "connectionIds" if "\n" not in job.payload else "connections"
    fields: dict[str, Any] = {
        **({ids: job.connection_ids} if job.connection_ids or not job.user_ids else {}),
        **({"userIds": job.user_ids} if job.user_ids else {}),
        "priority": job.priority,
        "eventId": job.event_id,
        "publishedAtMs": job.published_at_ms,
        "attempt": job.attempt,
        "position": job.tracking_id,  # the name that an earlier version reads
        "chunk": job.chunk,
        "correlationId": job.correlation_id,
    }
    if job.opening:
        fields["opening"] = job.opening
    if job.frames_end:
        fields["framesEnd"] = job.frames_end
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
            connection_ids=tuple(_connection_ids(fields)),
            priority=fields["priority"],
            event_id=fields["eventId"],
            published_at_ms=fields["publishedAtMs"],
            attempt=fields["attempt"],
            tracking_id=fields["position"],
            chunk=fields["chunk"],
            # Absent in jobs that an earlier version queued.
            correlation_id=fields.get("correlationId", ""),
            # Absent in most jobs, and in those that an earlier version queued.
            user_ids=tuple(fields.get("userIds", ())),
            opening=fields.get("opening", {}),
            frames_end=tuple(fields.get("framesEnd", ())),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a delivery job: {error!r}") from error


def _connection_ids(fields: Mapping[str, Any]) -> Any:
    for name in ("connectionIds", "connections"):
        if name in fields:
            return fields[name]
    return () if "userIds" in fields else fields["connectionIds"]


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
