"""What the service knows of the health of its parts, for `getStatus`."""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol

STALE_SECONDS = 120
"""An older record says nothing: whoever wrote it may be gone. The index is tended each minute."""


class Health(NamedTuple):
    """How Redis was last found: nothing is lost while it is down, but events take longer."""

    redis: Literal["up", "down"]
    at: int
    """When, epoch seconds."""

    def is_degraded(self, now: float) -> bool:
        """Whether the service runs with less than it should have."""
        return self.redis == "down" and now - self.at <= STALE_SECONDS


class HealthRecord(Protocol):
    """How Redis was last found, for those who do not speak to it."""

    def report(self, health: Health) -> None:
        """Say how Redis was found (one write)."""

    def last(self) -> Health | None:
        """The last report (one read), or None."""
