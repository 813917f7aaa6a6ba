"""Pushes: delivery jobs, reports of posts, and the ports of the queues and of API Gateway."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, Protocol

_NONE: Mapping[str, Any] = MappingProxyType({})

# The order of pushes when the request budget is short.
Priority = Literal["message", "notification", "deal"]


class DeliveryJob(NamedTuple):
    """One payload for many connections, queued by `broadcast` and posted by `delivery`."""

    payload: str
    """The frame to post, or several, a line each: a connection gets all of them in one `batch` frame."""
    connection_ids: tuple[str, ...]
    priority: Priority
    event_id: str
    """The id of the event or message; of several, their ids with commas in between."""
    published_at_ms: int
    """When the event or message was accepted, epoch milliseconds; for the latency metric."""
    attempt: int = 1
    tracking_id: int | None = None
    """The id under which the completed chunks of events of topics are counted (`history.base`)."""
    chunk: int = 0
    """The number of this chunk, from 0."""
    correlation_id: str = ""
    """The id of the request or event that caused the job, for the logs."""
    user_ids: tuple[str, ...] = ()
    """Users whose connections could not be looked up: the function that posts the job looks them up."""
    opening: Mapping[str, int] = _NONE
    """The connections that may still be in their handshake, and when each was made, in epoch seconds."""
    frames_end: tuple[int | None, ...] = ()
    """The last second of each frame's event, epoch seconds, None for ever; () where none of them ends."""


class PostReport(NamedTuple):
    """The results of posting a payload; every connection id of the call is in exactly one field."""

    delivered: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    """410: the connection no longer exists, or not yet (`connections.base.is_opening`)."""
    unsent: tuple[str, ...] = ()
    """Throttled, a server error, a broken connection, out of time, or `unexpected`: try again later."""
    untried: int = 0
    """How many of `unsent` no request was sent to, because time ran out before."""
    refused: Mapping[str, str] = _NONE
    """413, with the reason: the payload is too large for every attempt."""
    unexpected: Mapping[str, int] = _NONE
    """Why, and for how many of `unsent`: answers such as 403 that nothing about a connection explains."""
    answers_lost: int = 0
    """Attempts whose response was lost: they may have succeeded, but are repeated."""
    throttled: int = 0
    """Attempts with the response 429."""


class ProbeReport(NamedTuple):
    """The results of probing connections; every connection id of the call is in exactly one field."""

    alive: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    """410: the connection no longer exists, or not yet (`connections.base.is_opening`)."""
    unknown: tuple[str, ...] = ()
    """Throttled, out of time or refused: probe again later."""


class Deliveries(Protocol):
    """The queue from `broadcast` to `delivery`."""

    def send(self, jobs: Sequence[DeliveryJob], delay_seconds: int = 0) -> None:
        """Queue jobs in batches. Raises StoreUnavailable unless all were queued."""


class DeadLetterQueue(Protocol):
    """The queue of inputs that cannot be processed and whose sender receives no response."""

    def put(self, raw: str, reason: str) -> None:
        """Store an input unchanged, with the reason, for an operator."""


class EventsQueue(Protocol):
    """The queue of published events in front of `broadcast`."""

    def send(self, bodies: Sequence[str]) -> None:
        """Queue events, which are JSON texts. Raises StoreUnavailable unless all were queued."""


class ManagementApi(Protocol):
    """API Gateway's @connections API."""

    def post(self, payload: str, connection_ids: Sequence[str], budget_seconds: float) -> PostReport:
        """Post a payload to each connection, with retries within the time budget; never raises for an id."""

    def post_all(self, posts: Sequence[tuple[str, Sequence[str]]], budget_seconds: float) -> list[PostReport]:
        """Post payloads, each to its connections, side by side; as `post`. Returns a report of each.

        The first are sent first: what there is no time for is of the last.
        """

    def admits(self, posts: int) -> bool:
        """Whether so many posts can be sent at once within this instance's part of the request budget."""

    def probe(self, connection_ids: Sequence[str], budget_seconds: float) -> ProbeReport:
        """Check whether each connection exists, within the time budget; never raises for an id."""

    def close(self, connection_ids: Sequence[str]) -> tuple[str, ...]:
        """Close connections (DELETE). Returns those that did not exist any more, or not yet (410)."""
