"""What a chaos run found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections import Counter

LINES_MAX = 20


@dataclass
class Report:
    """The findings of a run: `failures` has one line for each broken promise, `counts` what happened."""

    seed: int
    counts: Counter[str]
    worst: dict[str, float] = field(default_factory=dict)
    """The longest delay of each kind, in seconds."""
    failures: list[str] = field(default_factory=list)

    missing: list[str] = field(default_factory=list)
    """The ids of events that broke the promise, for a look into the logs."""

    def note(self, name: str, seconds: float) -> None:
        """Note a delay, of which the longest counts."""
        self.worst[name] = max(self.worst.get(name, 0.0), seconds)

    def __str__(self) -> str:
        lines = [f"chaos: seed {self.seed}, {len(self.failures)} promises broken"]
        lines += [f"  {count:6,} {name}" for name, count in sorted(self.counts.items()) if count]
        lines += [f"  {seconds:6.1f} s {name}" for name, seconds in sorted(self.worst.items())]
        lines += [f"  broken: {failure}" for failure in self.failures[:LINES_MAX]]
        if len(self.failures) > LINES_MAX:
            lines.append(f"  broken: and {len(self.failures) - LINES_MAX} more")
        return "\n".join(lines)
