"""Formats a report as text."""

from __future__ import annotations

import statistics

from tests.bench.report import Ratio, Report


def table(report: Report) -> str:
    """Return the ratios with the minimum, median and maximum of all rounds, then absolutes and notes."""
    width = max([len(ratio.name) for ratio in report.ratios] + [len(name) for name in report.absolutes])
    lines = [report.title, f"  {'':{width}}  {'min':>9} {'median':>9} {'max':>9}  target"]
    lines += [
        f"  {ratio.name:{width}}  {_spread(ratio.rounds)}  {_describe_target(ratio)}"
        for ratio in report.ratios
    ]
    if report.absolutes:
        lines.append("  on this machine, in this hour:")
        lines += [f"  {name:{width}}  {_spread(rounds)}" for name, rounds in report.absolutes.items()]
    lines += [f"  {note}" for note in report.notes]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _spread(rounds: tuple[float, ...]) -> str:
    return " ".join(f"{_figure(value):>9}" for value in (min(rounds), statistics.median(rounds), max(rounds)))


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _describe_target(ratio: Ratio) -> str:
    if ratio.target is None:
        return ""
    aim = "" if ratio.aim is None else f", aim {ratio.aim:g}"
    return f"{'met' if ratio.met else 'MISSED'} ({ratio.target:g}{aim})"
