"""Pushes: what is sent to whom, what became of it, and the ports of the queues and of API Gateway."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, Protocol

_NONE: Mapping[str, Any] = MappingProxyType({})

# Which pushes go first when the request budget is short.
Priority = Literal["message", "notification", "deal"]


class DeliveryJob(NamedTuple):
    """One payload for many connections: what `broadcast` queues and `delivery` posts."""

    payload: str
    """The frame, ready to post."""
    connection_ids: tuple[str, ...]
    priority: Priority
    event_id: str
    published_at_ms: int
    """When the publisher's call was accepted, epoch milliseconds; for the latency metric."""
    attempt: int = 1
    position: int | None = None
    """Of an event of a topic: what has landed is reported by it."""
    chunk: int = 0
    """Which of the event's chunks this is."""
    correlation_id: str = ""
    """Of the request or event that it comes from, for the logs."""


class PostReport(NamedTuple):
    """What became of a payload, by connection id; every id that was asked for is in exactly one place."""

    delivered: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    """410: the connection no longer exists; its record is to be removed."""
    unsent: tuple[str, ...] = ()
    """Throttled, a server fault, a broken connection or out of time: worth another attempt."""
    refused: Mapping[str, str] = _NONE
    """413, 403 and the like, with the reason: another attempt would fail alike."""
    answers_lost: int = 0
    """Attempts that may have arrived, but whose answer did not: these were, or will be, made again."""
    throttled: int = 0
    """Attempts that were answered 429."""


class ProbeReport(NamedTuple):
    """Which connections are there; every id that was asked for is in exactly one place."""

    alive: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    """410: the connection no longer exists; its record is to be removed."""
    unknown: tuple[str, ...] = ()
    """Throttled, out of time or refused: ask again later."""


class Deliveries(Protocol):
    """The queue between the planes."""

    def send(self, jobs: Sequence[DeliveryJob], delay_seconds: int = 0) -> None:
        """Queue jobs in batches; raises StoreUnavailable unless every one was taken."""


class DeadLetterQueue(Protocol):
    """Where inputs go that broke the contract and that nobody waits for an answer to."""

    def put(self, raw: str, reason: str) -> None:
        """Keep what was refused, as it came, with the reason, for a person to look at."""


class ManagementApi(Protocol):
    """Posts to connections."""

    def post(self, payload: str, connection_ids: Sequence[str], budget_seconds: float) -> PostReport:
        """Post one payload to each connection, with retries inside the time budget; one id never raises."""

    def probe(self, connection_ids: Sequence[str], budget_seconds: float) -> ProbeReport:
        """Ask for each connection whether it is there, within the time budget; one id never raises."""

    def close(self, connection_ids: Sequence[str]) -> None:
        """Close connections (DELETE); one that is gone already is no error."""
