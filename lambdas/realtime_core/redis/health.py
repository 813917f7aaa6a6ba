"""The health of Redis, for `getStatus`."""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol

STALE_SECONDS = 120
"""An older record is ignored: its writer may have stopped. The index is maintained each minute."""


class Health(NamedTuple):
    """The last reported state of Redis. While it is down nothing is lost, but events take longer."""

    redis: Literal["up", "down"]
    at: int
    """When it was reported, epoch seconds."""

    def is_degraded(self, now: float) -> bool:
        """Whether a recent report says that Redis is down."""
        return self.redis == "down" and now - self.at <= STALE_SECONDS


class HealthRecord(Protocol):
    """The state of Redis, for functions that do not connect to it."""

    def report(self, health: Health) -> None:
        """Record the state of Redis (one write)."""

    def last(self) -> Health | None:
        """The last report (one read), or None."""
