"""Compares the ratios of a run with the committed ones: what became slower, by how much.

Only ratios are compared: both variants of one ran in the same round on the same machine, so ratios carry over
to other machines, and absolute figures do not.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.bench.report import Report

SLOWER_FROM = 0.8
"""A ratio that fell to this part of the committed one, or below, counts as slower; less is noise."""


class Change(NamedTuple):
    """A ratio of this run beside the committed one; medians, and whether the rounds of both overlap."""

    bench: str
    ratio: str
    before: float
    now: float
    overlap: bool

    @property
    def part(self) -> float:
        """How much is left of the committed ratio: below 1 the code became slower against its baseline."""
        return self.now / self.before

    @property
    def slower(self) -> bool:
        """Whether this is more than noise: a fifth is gone, and no round was as good as the worst before."""
        return self.part <= SLOWER_FROM and not self.overlap


class Comparison(NamedTuple):
    """What could be compared, and what only one side has, as `bench: ratio`."""

    changes: list[Change]
    new: list[str]
    gone: list[str]


def read_committed(file: Path) -> dict[str, Any]:
    """Return the benches of a file of figures, by name; none if there is no file."""
    return json.loads(file.read_text("utf-8"))["benches"] if file.exists() else {}


def compare(reports: Mapping[str, Report], committed: Mapping[str, Any]) -> Comparison:
    """Compare the ratios of the benches that ran with those that were committed."""
    changes, new, gone = [], [], []
    for bench, report in reports.items():
        before = {ratio["name"]: ratio["rounds"] for ratio in committed.get(bench, {}).get("ratios", ())}
        for ratio in report.ratios:
            if rounds := before.pop(ratio.name, None):
                changes.append(_change(bench, ratio.name, rounds, ratio.rounds))
            else:
                new.append(f"{bench}: {ratio.name}")
        gone += [f"{bench}: {name}" for name in before]
    return Comparison(changes, new, gone)


def _change(bench: str, name: str, before: Sequence[float], now: Sequence[float]) -> Change:
    overlap = max(now) >= min(before)
    return Change(bench, name, statistics.median(before), statistics.median(now), overlap)


def describe(comparison: Comparison) -> str:
    """Return the comparison as text: what became slower, then what cannot be compared."""
    slower = sorted((one for one in comparison.changes if one.slower), key=lambda one: one.part)
    lines = [
        f"{len(slower)} of {len(comparison.changes)} ratios became slower than the committed figures",
        *(
            f"  slower: {one.bench}: {one.ratio}: {one.before:.3g} before, {one.now:.3g} now ({one.part:.2f})"
            for one in slower
        ),
        *(f"  not among the committed figures: {name}" for name in comparison.new),
        *(f"  not measured now: {name}" for name in comparison.gone),
    ]
    return "\n".join(lines) + "\n"
