"""The in-memory twins of the deliveries queue and of the dead-letter queue."""

from __future__ import annotations

from collections.abc import Sequence

from realtime_core.adapters.memory.outage import Breakable
from realtime_core.domain.model import DeliveryJob


class MemoryDeliveries(Breakable):
    """`Deliveries` in memory: `queued` is each job with its delay, in the order of sending."""

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


class MemoryRefusals(Breakable):
    """`Refusals` in memory: `kept` is each refused input with its reason."""

    def __init__(self) -> None:
        self.kept: list[tuple[str, str]] = []

    def keep(self, raw: str, reason: str) -> None:
        """Keep what was refused, with the reason."""
        self._reach()
        self.kept.append((raw, reason))
