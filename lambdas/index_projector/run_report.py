"""What a run of the maintenance came to: logged, published as metrics, and returned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from realtime_core.telemetry.metric_catalog import (
    INDEX_FAILURES,
    INDEX_LAG,
    INDEX_PENDING,
    INDEX_REBUILDS,
    INDEX_REPAIRS,
)

if TYPE_CHECKING:
    from index_projector.rebuild import RebuildResult
    from realtime_core.telemetry.metric_catalog import Metric


@dataclass(slots=True)
class RunReport:
    """What the run of one minute found and did."""

    state: str = "unknown"
    """State of the index: `ready`, `building`, `clearing` or `missing`."""
    reason: str = ""
    """Why events cannot use Redis; empty if they can."""
    lag_seconds: int = 0
    """How long the oldest change has waited for the index."""
    pending: int = 0
    """Changes that wait for the index."""
    checked: int = 0
    """Shards that were compared with the table."""
    repairs: int = 0
    """Memberships and groups that were wrong, and were repaired."""
    trimmed: int = 0
    """Members that had ended, and were removed."""
    failures: int = 0
    rebuild: RebuildResult | None = None

    def set_down(self, reason: str) -> None:
        """Record why events cannot use Redis; the first reason stays."""
        self.reason = self.reason or reason

    def as_dict(self) -> dict[str, Any]:
        """The report for the log and the response."""
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
            "built": self.rebuild._asdict() if self.rebuild else None,
        }

    def metrics(self) -> list[tuple[Metric, int]]:
        """The values by metric."""
        return [
            (INDEX_LAG, self.lag_seconds),
            (INDEX_PENDING, self.pending),
            (INDEX_REPAIRS, self.repairs),
            (INDEX_REBUILDS, int(self.rebuild is not None and self.rebuild.outcome == "ready")),
            (INDEX_FAILURES, self.failures or int(bool(self.reason))),
        ]
