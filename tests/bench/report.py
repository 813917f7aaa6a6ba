"""What a bench hands back.

A bench is a module of this folder with

    def run(*, quick: bool) -> Report | Skipped

`python -m tests.bench` finds it by that. Its variants run interleaved, round after round, and a figure is the
ratio of two variants within one round: the machine's mood is in both, so ratios carry over to other machines
and absolute figures do not.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times better one variant was than another, in each round; `target` is what we hold it to."""

    name: str
    rounds: tuple[float, ...]
    target: float | None = None
    aim: float | None = None

    @property
    def median(self) -> float:
        """The figure to quote."""
        return statistics.median(self.rounds)

    @property
    def met(self) -> bool | None:
        """Whether the median meets the target; None where there is none."""
        return None if self.target is None else self.median >= self.target


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of one bench. `absolutes` is for the curious: of this machine, in this hour."""

    title: str
    ratios: tuple[Ratio, ...]
    absolutes: dict[str, tuple[float, ...]] = field(default_factory=dict)
    """Medians can be made of them: one figure a round, the unit in the name."""
    notes: tuple[str, ...] = ()
    """What was measured on what, where the title does not say it."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A bench that cannot run here; `reason` says what is missing and how to get it."""

    title: str
    reason: str
