"""Counts what the relay did, as metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from realtime_core.telemetry.metric_catalog import (
    RELAY_DEAD_LETTERED,
    RELAY_FORWARDED,
    RELAY_LAG,
    RELAY_LOST,
    RELAY_REDIS_FAILURES,
    RELAY_REJECTED,
)

if TYPE_CHECKING:
    from realtime_core.telemetry.metric_catalog import Metric


@dataclass(slots=True)
class RunReport:
    """Counts of events since the last `take_metrics`, and the lag of the relay."""

    forwarded: int = 0
    rejected: int = 0
    """Events that break the contract."""
    dead_lettered: int = 0
    """Events that went to the dead-letter stream, for any reason."""
    lost: int = 0
    """Channel messages that could not be forwarded; pub/sub promises at most once."""
    redis_failures: int = 0
    """Connections to Redis that failed or were refused."""
    stream_lag: float = 0.0
    channel_lag: float = 0.0
    """Age of the oldest unfinished event, in seconds."""

    def take_metrics(self) -> list[tuple[Metric, float]]:
        """Return the values by metric and reset the counts."""
        values: list[tuple[Metric, float]] = [
            (RELAY_FORWARDED, self.forwarded),
            (RELAY_REJECTED, self.rejected),
            (RELAY_DEAD_LETTERED, self.dead_lettered),
            (RELAY_LOST, self.lost),
            (RELAY_REDIS_FAILURES, self.redis_failures),
            (RELAY_LAG, round(max(self.stream_lag, self.channel_lag), 3)),
        ]
        self.forwarded = self.rejected = self.dead_lettered = self.lost = self.redis_failures = 0
        return values
