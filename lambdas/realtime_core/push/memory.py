"""In-memory adapters of the @connections API and of the queues."""

from __future__ import annotations

from collections.abc import Sequence

from realtime_core.in_memory import InMemoryAdapter
from realtime_core.push.base import DeliveryJob, PostReport, ProbeReport
from realtime_core.push.management_api import verdicts


class MemoryManagementApi(InMemoryAdapter):
    """`ManagementApi` in memory. Every post succeeds, unless `answers` has other statuses.

    `answers[connection_id]` has the statuses of the next attempts; the last one stays. Retries take no time:
    a status that allows a retry is skipped if another one follows. `received` has the payloads of each
    connection, `closed` the ids that the service closed. While `down`, every post is unsent, without raising.
    """

    def __init__(self) -> None:
        self.answers: dict[str, list[int]] = {}
        self.received: dict[str, list[str]] = {}
        self.closed: list[str] = []
        self.admitted: int | None = None

    def post(self, payload: str, connection_ids: Sequence[str], budget_seconds: float) -> PostReport:
        """Post a payload to each connection."""
        (posted,) = self.post_all([(payload, connection_ids)], budget_seconds)
        return posted

    def post_all(self, posts: Sequence[tuple[str, Sequence[str]]], budget_seconds: float) -> list[PostReport]:
        """Post payloads, each to its connections."""
        return [
            verdicts.report(
                self._post(payload, connection_id, budget_seconds)
                for connection_id in dict.fromkeys(connection_ids)
            )
            for payload, connection_ids in posts
        ]

    def admits(self, posts: int) -> bool:
        """Whether so many posts are within `admitted`; always, if that is None."""
        return self.admitted is None or posts <= self.admitted

    def probe(self, connection_ids: Sequence[str], budget_seconds: float) -> ProbeReport:
        """Check whether each connection exists."""
        return verdicts.probe_report(
            self._attempt(connection_id, budget_seconds) for connection_id in dict.fromkeys(connection_ids)
        )

    def close(self, connection_ids: Sequence[str]) -> tuple[str, ...]:
        """Close connections. Returns those that did not exist any more, or not yet."""
        self._reach()
        gone = []
        for connection_id in dict.fromkeys(connection_ids):
            if self._next_status(connection_id) == 410:
                gone.append(connection_id)
                continue
            self.closed.append(connection_id)
            self.answers[connection_id] = [410]
        return tuple(gone)

    def _post(self, payload: str, connection_id: str, budget_seconds: float) -> verdicts.Outcome:
        outcome = self._attempt(connection_id, budget_seconds)
        if outcome[1] == "delivered":
            self.received.setdefault(connection_id, []).append(payload)
        return outcome

    def _attempt(self, connection_id: str, budget_seconds: float) -> verdicts.Outcome:
        if self.down or budget_seconds <= 0:
            return connection_id, "retry", "no answer in time" if self.down else verdicts.UNTRIED
        status = self._next_status(connection_id)
        return connection_id, verdicts.verdict_of(status), str(status)

    def _next_status(self, connection_id: str) -> int:
        statuses = self.answers.get(connection_id, [200])
        while len(statuses) > 1 and verdicts.verdict_of(statuses[0]) == "retry":
            statuses.pop(0)
        return statuses.pop(0) if len(statuses) > 1 else statuses[0]


class MemoryDeliveries(InMemoryAdapter):
    """`Deliveries` in memory; `queued` has each job with its delay, in order."""

    def __init__(self) -> None:
        self.queued: list[tuple[DeliveryJob, int]] = []

    @property
    def jobs(self) -> list[DeliveryJob]:
        """The queued jobs, without their delays."""
        return [job for job, _ in self.queued]

    def send(self, jobs: Sequence[DeliveryJob], delay_seconds: int = 0) -> None:
        """Queue jobs."""
        self._reach()
        self.queued += [(job, delay_seconds) for job in jobs]


class MemoryEventsQueue(InMemoryAdapter):
    """`EventsQueue` in memory; `bodies` has the events, in order."""

    def __init__(self) -> None:
        self.bodies: list[str] = []

    def send(self, bodies: Sequence[str]) -> None:
        """Queue events."""
        self._reach()
        self.bodies += bodies


class MemoryDeadLetterQueue(InMemoryAdapter):
    """`DeadLetterQueue` in memory; `entries` has each input with its reason."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, str]] = []

    def put(self, raw: str, reason: str) -> None:
        """Store an input with the reason."""
        self._reach()
        self.entries.append((raw, reason))
