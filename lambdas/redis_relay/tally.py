"""What was done since the last look, as metrics."""

from __future__ import annotations

from dataclasses import dataclass


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

    def metrics(self) -> dict[str, tuple[float, str]]:
        """The counts for `realtime_core.metrics.emit`, which then start anew."""
        values: dict[str, tuple[float, str]] = {
            "RelayForwarded": (self.forwarded, "Count"),
            "RelayRejected": (self.rejected, "Count"),
            "RelayDeadLettered": (self.dead_lettered, "Count"),
            "RelayLost": (self.lost, "Count"),
            "RelayRedisFailures": (self.redis_failures, "Count"),
            "RelayLag": (round(max(self.stream_lag, self.channel_lag), 3), "Seconds"),
        }
        self.forwarded = self.rejected = self.dead_lettered = self.lost = self.redis_failures = 0
        return values
