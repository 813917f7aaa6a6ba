"""What a run of the janitor came to: logged, published as metrics, and answered."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from realtime_core.metric_catalog import (
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
    from realtime_core.metric_catalog import Metric


@dataclass(slots=True)
class Tally:
    """Connections by what was done for them."""

    connections: int | None = None
    """How many there are, before the run; None where that could not be counted."""
    warned: int = 0
    handed_over: int = 0
    probed: int = 0
    closed: int = 0
    """Token run out and not refreshed."""
    revoked: int = 0
    """Closed, because their token was taken back."""
    outlived: int = 0
    """Past two hours, so cut by API Gateway, without a `$disconnect` that said so."""
    gone: int = 0
    """Found gone by a post or a probe."""
    postponed: int = 0
    """Not reached this time: throttled, or API Gateway had a fault. The next run tries again."""
    events_trimmed: int = 0
    """Events that were older than the history reaches."""
    failures: int = 0
    """Pieces of work that are left to a later run, because a call failed."""
    lag_seconds: int = 0
    """How long what was found had been due; above a minute or two, runs do not keep up."""
    finished: bool = True
    """Whether everything that was due was looked at in the time that the run had."""

    def as_dict(self) -> dict[str, Any]:
        """For the log and the answer."""
        return {_camel(name): value for name, value in asdict(self).items()}

    def metrics(self) -> list[tuple[Metric, int]]:
        """Values by metric; the gauge only where it is known, for no figure beats a wrong one."""
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


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
