"""docs/alternatives.md: our own figures are those of `make cost`, others follow from their formulae."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path

import pytest

from deals_ops import prices
from deals_ops.cost import DAYS, GB, MINUTES, Traffic, estimate_monthly_cost
from deals_ops.cost_table import CONNECTION_COUNTS

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "alternatives.md").read_text("utf-8")
ROWS = {
    cells[0]: cells[1:]
    for line in PAGE.partition("## Prices")[2].partition("###")[0].splitlines()
    if line.startswith("|")
    for cells in [[cell.strip() for cell in line.strip("|").split("|")]]
}
TRAFFIC = Traffic()
ALL = int(TRAFFIC.events)
MATCHED = int(TRAFFIC.events * TRAFFIC.matched)


def printed(start):
    """The four figures of a row, and those of its last cell."""
    [row] = [cells for name, cells in ROWS.items() if name.startswith(start)]
    return row[1:5], row[5]


def figures(text):
    return [float(number.replace(",", "")) for number in re.findall(r"\d[\d,]*(?:\.\d+)?", text)]


def estimate(**changes):
    return [
        f"{estimate_monthly_cost(replace(TRAFFIC, connections=count, **changes)).total:,.0f}"
        for count in CONNECTION_COUNTS
    ]


def test_our_row_is_what_make_cost_computes():
    cells, case_b = printed("this project")
    assert cells == estimate()
    assert f"all to all: {'; '.join(estimate(matched=1.0))}" in case_b
    assert f"prices of {prices.AS_OF}" in PAGE


def transfer(connections, deliveries):
    return connections * deliveries * DAYS * TRAFFIC.payload_bytes / GB * prices.TRANSFER_GB


def appsync(connections, deliveries):
    operations = connections * (deliveries + 35) * DAYS * 1e-6
    return operations + connections * MINUTES * 0.08e-6 + transfer(connections, deliveries)


def iot_core(connections, deliveries):
    messages = connections * (13 + 2 * (deliveries + 10)) * DAYS
    steps = [(1e9, 1.00), (4e9, 0.80), (math.inf, 0.70)]
    dollars = 0.0
    for size, price in steps:
        dollars += min(messages, size) * price * 1e-6
        messages = max(0.0, messages - size)
    return dollars + connections * MINUTES * 0.08e-6 + transfer(connections, deliveries)


def supabase(connections, deliveries):
    messages = max(0, math.ceil(connections * (deliveries + 20) * DAYS / 1e6 - 5))
    return 25 + 10 * math.ceil((connections - 500) / 1_000) + 2.50 * messages


@pytest.mark.parametrize(
    ("start", "formula", "known"),
    [("AppSync", appsync, 4), ("IoT Core", iot_core, 4), ("Supabase", supabase, 2)],
)
def test_price_of_another_follows_from_its_formula(start, formula, known):
    cells, case_b = printed(start)
    for count, cell in zip(CONNECTION_COUNTS[:known], cells, strict=False):
        assert figures(cell) == [pytest.approx(formula(count, MATCHED), rel=0.03, abs=0.6)], count
    for count, figure in zip(CONNECTION_COUNTS[:known], figures(case_b), strict=False):
        assert figure == pytest.approx(formula(count, ALL), rel=0.03), count


def test_every_row_names_a_source_or_its_doubt():
    numbers = set(re.findall(r"^(\d+)\. ", PAGE.partition("## Sources")[2], re.MULTILINE))
    for name in list(ROWS)[2:]:
        assert re.search(r"\[\d+\]|\(\?\)", name), name
    assert set(re.findall(r"\[(\d+)\]", PAGE)) == numbers


def test_second_hand_sources_are_marked_where_they_are_cited():
    for name in ROWS:
        if re.search(r"\[(2|6|11)\]", name):
            assert "(2nd)" in name or "(?)" in name, name


def test_shares_of_our_price_are_the_tables():
    own, appsync_cells, centrifugo = (
        [figures(cell)[0] for cell in printed(start)[0]]
        for start in ("this project", "AppSync", "Centrifugo")
    )
    assert all(theirs <= ours / 5 for ours, theirs in zip(own, appsync_cells, strict=True))
    assert own[2] / centrifugo[2] == pytest.approx(8, abs=0.5)
    assert own[3] / centrifugo[3] == pytest.approx(10, abs=1.5)
