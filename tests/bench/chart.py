"""Draws reports as one SVG: each ratio is a bar from 1 on a logarithmic scale, its target a mark."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from xml.sax.saxutils import escape

from tests.bench.report import Ratio, Report

WIDTH, LABELS, ROW, TOP = 900, 380, 26, 34
INK, BAR, MISSED, MARK = "#24292f", "#2f81f7", "#cf222e", "#8250df"


def chart(reports: Iterable[Report], machine: str) -> str:
    """Return the SVG, with colours that are legible on light and dark pages."""
    shown = [report for report in reports if report.ratios]
    ratios = [ratio for report in shown for ratio in report.ratios]
    values = [value for ratio in ratios for value in (ratio.median, ratio.target or ratio.median)]
    low = min([0.1, *values])
    high = max([10.0, *values]) * 1.6

    def place(value: float) -> float:
        share = math.log(max(value, low) / low) / math.log(high / low)
        return LABELS + share * (WIDTH - LABELS - 70)

    body: list[str] = []
    y = 16
    for report in shown:
        body.append(_text(12, y + 14, report.title, weight="600"))
        y += TOP
        for ratio in report.ratios:
            body += _row(ratio, y, place)
            y += ROW
        y += 10

    body.append(
        _text(12, y + 12, f"Medians of ratios within one run; bars start at 1; | is the target. {machine}")
    )
    y += 30

    style = f"<style>text{{font:13px system-ui,sans-serif;fill:{INK}}}</style>"
    page = f'<rect width="{WIDTH}" height="{y}" fill="#ffffff"/>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" role="img" '
        f'aria-label="Benchmark ratios">{style}{page}{"".join(body)}</svg>\n'
    )


def _row(ratio: Ratio, y: int, place: Callable[[float], float]) -> list[str]:
    left, right = sorted((place(1.0), place(ratio.median)))
    width = max(1.5, right - left)
    colour = MISSED if ratio.met is False else BAR
    figure = f"{ratio.median:,.0f} x" if ratio.median >= 1000 else f"{ratio.median:.3g} x"
    row = [
        _text(LABELS - 12, y + 13, ratio.name, anchor="end"),
        f'<rect x="{left:.1f}" y="{y}" width="{width:.1f}" height="17" rx="2" fill="{colour}"/>',
        _text(right + 8, y + 13, figure),
    ]
    if ratio.target is not None:
        x = place(ratio.target)
        row.append(f'<path d="M{x:.1f} {y - 3}v23" stroke="{MARK}" stroke-width="2"/>')
    return row


def _text(x: float, y: float, text: str, *, anchor: str = "start", weight: str = "400") -> str:
    return f'<text x="{x:.1f}" y="{y}" text-anchor="{anchor}" font-weight="{weight}">{escape(text)}</text>'
