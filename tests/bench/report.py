"""The results of a bench.

A bench is a module of this folder with

    def run(*, quick: bool) -> Report | Skipped

by which `python -m tests.bench` finds it. Its variants run interleaved, round after round, and a figure is
the ratio of two variants within one round: the load of the machine affects both, so ratios carry over to
other machines, and absolute figures do not.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times better one variant was than another, in each round; `target` is the least we accept."""

    name: str
    rounds: tuple[float, ...]
    target: float | None = None
    aim: float | None = None

    @property
    def median(self) -> float:
        """The median of the rounds, which is the figure to quote."""
        return statistics.median(self.rounds)

    @property
    def met(self) -> bool | None:
        """Whether the median meets the target; None without a target."""
        return None if self.target is None else self.median >= self.target


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of one bench. `absolutes` depend on the machine and on its load."""

    title: str
    ratios: tuple[Ratio, ...]
    absolutes: dict[str, tuple[float, ...]] = field(default_factory=dict)
    """One figure a round, by a name that contains the unit."""
    notes: tuple[str, ...] = ()
    """The conditions of the measurement that the title does not name."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A bench that cannot run here; `reason` names what is missing and how to install it."""

    title: str
    reason: str
