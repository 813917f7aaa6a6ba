"""What may be done with a dead letter: pure judgement, which sends nothing.

**Events** go through the events queue again, with the id by which the first attempts were known: the
publisher's `eventId`, else the id that the service gave them (the queue message's, or the invocation's). What
was published before, in part or whole, is then not published twice: within 24 hours `broadcast` knows the id,
and after that clients still drop what they have seen by it. What still breaks the contract stays.

**Deliveries** go back to the deliveries queue as a first attempt. A connection lives two hours at most, so a
job that is older has nobody left to reach: it stays, and who resumes reads the event from the history.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from deals_ops.dead_letters import Letter
from realtime_core.domain.events import parse_event, unwrap
from realtime_core.domain.fields import IDENTIFIER
from realtime_core.domain.jsontext import byte_length, dumps, loads
from realtime_core.domain.lifetimes import CONNECTION_LIFETIME_SECONDS
from realtime_core.domain.planning import JOB_BYTES_MAX, decode_job, encode_job
from realtime_core.errors import ValidationFailed


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known of a letter. `body` is what to send again, or None where it has to stay."""

    about: str
    """In a few words, for a table."""
    event_id: str | None
    why: str
    body: str | None = None


def judge_event(letter: Letter, _now: float) -> Verdict:
    """Judge a letter of the events queue: refused, failed on every try, or failed when invoked."""
    if "originalBytes" in letter.attributes:
        size = letter.attributes["originalBytes"]
        return Verdict("cut event", None, f"only the beginning of its {size} bytes was kept")
    try:
        raw, known_as = _event_of(letter)
        event = parse_event(raw)
    except ValidationFailed as error:
        return Verdict("refused event", None, f"breaks the contract still: {error.message}")
    event_id = event.event_id or known_as
    about = f"{event.message_type} for {event.topic or f'{len(event.recipients or ())} users'}"
    if not IDENTIFIER.fullmatch(event_id):
        return Verdict(about, None, f"{event_id!r} cannot be an event id")
    body = dumps({**raw, "eventId": event_id})
    if byte_length(body) > JOB_BYTES_MAX:
        return Verdict(about, event_id, f"with its eventId it passes the {JOB_BYTES_MAX} bytes of the queue")
    return Verdict(about, event_id, "goes to the events queue", body)


def judge_delivery(letter: Letter, now: float) -> Verdict:
    """Judge a letter of the deliveries queue: a chunk that could not be posted."""
    try:
        job = decode_job(letter.body)
    except ValueError as error:
        return Verdict("unreadable job", None, str(error))
    about = f"{job.priority} for {len(job.connection_ids)} connections"
    if now - job.published_at_ms / 1000 > CONNECTION_LIFETIME_SECONDS:
        return Verdict(
            about, job.event_id, "older than two hours: every connection of it has ended; purge it"
        )
    return Verdict(
        about,
        job.event_id,
        "goes to the deliveries queue as a first attempt",
        encode_job(job._replace(attempt=1)),
    )


JUDGES: dict[str, Callable[[Letter, float], Verdict]] = {"events": judge_event, "deliveries": judge_delivery}


def _event_of(letter: Letter) -> tuple[dict[str, Any], str]:
    """The raw event of a letter, and what the service called it where it has no id of its own."""
    try:
        told: Any = loads(letter.body)
    except ValueError:
        told = None  # `unwrap` says what is wrong with it
    # What Lambda makes of an asynchronous invoke that failed: docs.aws.amazon.com/lambda/latest/dg/
    # invocation-async-retain-records.html
    if isinstance(told, dict) and "requestPayload" in told and "requestContext" in told:
        return unwrap(dumps(told["requestPayload"])), str(told["requestContext"].get("requestId", ""))
    return unwrap(letter.body), letter.message_id
