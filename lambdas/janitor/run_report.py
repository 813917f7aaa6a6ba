"""What a run of the janitor came to: logged, published as metrics, and returned."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from realtime_core.telemetry.metric_catalog import (
    CONNECTION_COUNT,
    EXPIRED_CONNECTIONS_CLOSED,
    HAND_OVERS,
    LOST_CONNECTIONS_REMOVED,
    REVOKED_CONNECTIONS_CLOSED,
    TOKEN_WARNINGS,
    UPKEEP_FAILURES,
    UPKEEP_LAG,
)

if TYPE_CHECKING:
    from realtime_core.telemetry.metric_catalog import Metric


@dataclass(slots=True)
class RunReport:
    """Counts of connections by what was done for them."""

    connections: int | None = None
    """All connections, before the run; None if they could not be counted."""
    warned: int = 0
    """Sent `tokenExpiring`."""
    handed_over: int = 0
    """Sent `reconnect`."""
    probed: int = 0
    """Found alive by a probe."""
    closed: int = 0
    """Closed, because their token had expired."""
    revoked: int = 0
    """Closed, because their token was revoked."""
    outlived: int = 0
    """Removed after two hours, when API Gateway has closed them, without a `$disconnect`."""
    gone: int = 0
    """Removed, because a post or a probe found them gone."""
    postponed: int = 0
    """Not reached, because API Gateway throttled or failed; the next run tries again."""
    events_trimmed: int = 0
    """Events that were removed because they are older than the history keeps them."""
    failures: int = 0
    """Pieces of work that a failed call left to a later run."""
    lag_seconds: int = 0
    """How long the most overdue record had been due; above a minute or two, runs do not keep up."""
    probe_lag_seconds: int = 0
    """By how long the probes are behind their interval, up to an interval: what is left of a run's time and
    posts does not reach for all."""
    left_to_others: int = 0
    """Parts of the work that another run had at this time."""
    finished: bool = True
    """Whether the run had time for everything that was due."""

    def add(self, other: RunReport) -> None:
        """Add the counts of a part of the run. The number of connections stays as it is."""
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.lag_seconds = max(self.lag_seconds, other.lag_seconds)
        self.probe_lag_seconds = max(self.probe_lag_seconds, other.probe_lag_seconds)
        self.finished = self.finished and other.finished

    def as_dict(self) -> dict[str, Any]:
        """The report for the log and the response."""
        return {_camel(name): value for name, value in asdict(self).items()}

    def metrics(self) -> list[tuple[Metric, int]]:
        """The values by metric; without the count of connections if that is not known."""
        gauge = [] if self.connections is None else [(CONNECTION_COUNT, self.connections)]
        return [
            *gauge,
            (TOKEN_WARNINGS, self.warned),
            (HAND_OVERS, self.handed_over),
            (EXPIRED_CONNECTIONS_CLOSED, self.closed),
            (REVOKED_CONNECTIONS_CLOSED, self.revoked),
            (LOST_CONNECTIONS_REMOVED, self.gone + self.outlived),
            (UPKEEP_FAILURES, self.failures),
            (UPKEEP_LAG, self.lag_seconds),
        ]


_COUNTS = tuple(
    field.name
    for field in fields(RunReport)
    if field.name not in {"connections", "lag_seconds", "probe_lag_seconds", "finished"}
)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
