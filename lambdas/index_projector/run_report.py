"""What a run came to: logged, published as metrics, and answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from realtime_core.metric_catalog import (
    INDEX_FAILURES,
    INDEX_LAG,
    INDEX_PENDING,
    INDEX_REBUILDS,
    INDEX_REPAIRS,
)

if TYPE_CHECKING:
    from index_projector.rebuild import Built
    from realtime_core.metric_catalog import Metric


@dataclass(slots=True)
class Tally:
    """What a minute's run found and did."""

    state: str = "unknown"
    """Of the index: `ready`, `building`, `clearing`, `missing`."""
    reason: str = ""
    """Why Redis is down, as far as events are concerned; empty where it is up."""
    lag_seconds: int = 0
    """How long the oldest change has waited for the index."""
    pending: int = 0
    checked: int = 0
    """Shards that were compared with the table."""
    repairs: int = 0
    """Memberships and groups that were wrong, and were set right."""
    trimmed: int = 0
    """Members that had ended, and were still there."""
    failures: int = 0
    built: Built | None = None

    def down(self, reason: str) -> None:
        """Redis is of no use to events, for a reason; the first one counts."""
        self.reason = self.reason or reason

    def as_dict(self) -> dict[str, Any]:
        """For the log and the answer."""
        return {
            "task": "tend",
            "redis": "down" if self.reason else "up",
            "reason": self.reason or None,
            "state": self.state,
            "lagSeconds": self.lag_seconds,
            "pending": self.pending,
            "checked": self.checked,
            "repairs": self.repairs,
            "trimmed": self.trimmed,
            "failures": self.failures,
            "built": self.built._asdict() if self.built else None,
        }

    def metrics(self) -> list[tuple[Metric, int]]:
        """Values by metric."""
        return [
            (INDEX_LAG, self.lag_seconds),
            (INDEX_PENDING, self.pending),
            (INDEX_REPAIRS, self.repairs),
            (INDEX_REBUILDS, int(self.built is not None and self.built.outcome == "ready")),
            (INDEX_FAILURES, self.failures or int(bool(self.reason))),
        ]
