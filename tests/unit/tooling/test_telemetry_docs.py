"""docs/telemetry.md matches the catalog of metrics and names the queries that Terraform saves."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from deals_ops import prices
from realtime_core.telemetry.metric_catalog import rows

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "telemetry.md").read_text()
DASHBOARD = ROOT / "terraform" / "modules" / "dashboard"


def test_table_of_metrics_matches_the_catalog():
    def dimension(metric):
        return "\N{EN DASH}" if metric.by is None else f"`{metric.by}`" + ("" if metric.whole else " only")

    expected = [
        f"| `{metric.name}` | {metric.unit} | {dimension(metric)} | {metric.emitters} | {metric.meaning} |"
        for metric in rows()
    ]
    table = PAGE.split("\n## Metrics\n")[1].split("\n## ")[0]
    assert [line for line in table.splitlines() if line.startswith("| `")] == expected


def test_documentation_names_the_saved_queries():
    saved = re.findall(r'^    "([a-z-]+)" = \{', (DASHBOARD / "queries.tf").read_text(), re.MULTILINE)
    assert len(saved) == 9
    for page in (PAGE, (DASHBOARD / "README.md").read_text()):
        for name in saved:
            assert f"`{name}`" in page


def test_dashboard_uses_the_prices_of_the_cost_estimate():
    text = (DASHBOARD / "variables.tf").read_text()
    defaults = dict(re.findall(r"^    (\w+)\s+= optional\(number, ([\d.]+)\)", text, re.MULTILINE))
    assert {name: float(value) for name, value in defaults.items()} == pytest.approx(
        {
            "message": prices.API_GATEWAY_MESSAGE,
            "connection_minute": prices.API_GATEWAY_CONNECTION_MINUTE,
            "lambda_request": prices.LAMBDA_REQUEST,
            "lambda_gb_second": prices.LAMBDA_GB_SECOND_ARM,
            "write_unit": prices.DYNAMODB_WRITE_UNIT,
            "read_unit": prices.DYNAMODB_READ_UNIT,
            "queue_request": prices.SQS_REQUEST,
        }
    )
