"""`make bench` beside the committed figures: what counts as slower, and what cannot be compared."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.bench.comparison import Change, Comparison, compare, describe, read_committed
from tests.bench.report import Ratio, Report

ROOT = Path(__file__).resolve().parents[3]
BEFORE = (10.0, 12.0, 11.0)


def _compare(*now: float, name: str = "ping") -> Comparison:
    committed = {"cpu": {"ratios": [{"name": "ping", "rounds": list(BEFORE)}]}}
    return compare({"cpu": Report("CPU", (Ratio(name, now),))}, committed)


@pytest.mark.parametrize(
    ("now", "slower"),
    [
        ((11.0, 11.5), False),
        ((30.0, 31.0), False),
        ((8.7, 8.9), True),
        ((8.81, 8.9), False),
        ((6.0, 8.0, 10.0), False),
        ((6.0, 8.0, 9.99), True),
    ],
    ids=["same", "faster", "a-fifth-less", "less-than-a-fifth", "a-round-as-good", "no-round-as-good"],
)
def test_a_ratio_is_slower_if_a_fifth_is_gone_and_no_round_reached_the_worst_before(now, slower) -> None:
    [change] = _compare(*now).changes
    assert change.slower is slower
    assert (change.bench, change.ratio, change.before) == ("cpu", "ping", 11.0)


def test_ratios_of_one_side_alone_are_named_and_not_compared() -> None:
    comparison = _compare(1.0, name="pong")
    assert comparison == Comparison([], ["cpu: pong"], ["cpu: ping"])
    assert compare({"new": Report("New", (Ratio("x", (1.0,)),))}, {}) == Comparison([], ["new: x"], [])


def test_benches_that_did_not_run_are_not_missed() -> None:
    assert compare({}, {"cpu": {"ratios": [{"name": "ping", "rounds": [1.0]}]}}) == Comparison([], [], [])


def test_text_names_the_slowest_first_with_both_figures() -> None:
    changes = [
        Change("a", "x", 10.0, 7.5, overlap=False),
        Change("b", "y", 100.0, 20.0, overlap=False),
        Change("c", "z", 10.0, 9.9, overlap=True),
    ]
    assert describe(Comparison(changes, ["d: new"], ["e: gone"])) == (
        "2 of 3 ratios became slower than the committed figures\n"
        "  slower: b: y: 100 before, 20 now (0.20)\n"
        "  slower: a: x: 10 before, 7.5 now (0.75)\n"
        "  not among the committed figures: d: new\n"
        "  not measured now: e: gone\n"
    )


def test_committed_figures_are_those_of_the_documentation() -> None:
    file = ROOT / "docs" / "benchmarks.json"
    committed = read_committed(file)
    assert {"posting", "action_cpu", "cold_start"} <= committed.keys()
    benches = json.loads(file.read_text("utf-8"))["benches"]
    reports = {
        name: Report(
            bench["title"], tuple(Ratio(one["name"], tuple(one["rounds"])) for one in bench["ratios"])
        )
        for name, bench in benches.items()
    }
    comparison = compare(reports, committed)
    assert len(comparison.changes) > 20
    assert [one for one in comparison.changes if one.part != 1 or one.slower] == []
    assert read_committed(ROOT / "docs" / "no-figures.json") == {}
