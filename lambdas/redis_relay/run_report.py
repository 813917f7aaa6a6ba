"""What was done since the last look, as metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from realtime_core.metric_catalog import (
    RELAY_DEAD_LETTERED,
    RELAY_FORWARDED,
    RELAY_LAG,
    RELAY_LOST,
    RELAY_REDIS_FAILURES,
    RELAY_REJECTED,
)

if TYPE_CHECKING:
    from realtime_core.metric_catalog import Metric


@dataclass(slots=True)
class Tally:
    """Counts of events since the last `metrics`, and how late the relay is."""

    forwarded: int = 0
    rejected: int = 0
    """They break the contract."""
    dead_lettered: int = 0
    """Put aside in the dead-letter stream, whatever the reason."""
    lost: int = 0
    """Messages of channels that could not be forwarded; what pub/sub promises is at most once."""
    redis_failures: int = 0
    """Times that Redis was out of reach, or refused us."""
    stream_lag: float = 0.0
    channel_lag: float = 0.0
    """Age of the oldest event that is not done with, in seconds."""

    def metrics(self) -> list[tuple[Metric, float]]:
        """The values by metric; the counts then start anew."""
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
