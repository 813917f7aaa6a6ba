"""The monthly cost as a table, as Markdown for docs/operations.md, or as JSON; `deals-ops cost` prints it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from deals_ops import prices
from deals_ops.cost import (
    FORWARDING,
    GROWS_WITH,
    GROWS_WITH_FORWARDING,
    GROWS_WITH_PUBLISH_API,
    GROWS_WITH_REDIS,
    PUBLISH_API,
    REDIS,
    REQUEST_BUDGET,
    Cost,
    Traffic,
    estimate_monthly_cost,
)
from deals_ops.cost_design import FIRST_RELEASE, NOW, Design
from deals_ops.formatting import build_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from rich.table import Table

_OPTIONAL_TOO = {
    **GROWS_WITH,
    REDIS: GROWS_WITH_REDIS,
    FORWARDING: GROWS_WITH_FORWARDING,
    PUBLISH_API: GROWS_WITH_PUBLISH_API,
}
CONNECTION_COUNTS = (1_000, 10_000, 100_000, 1_000_000)


class Compared(NamedTuple):
    """What the same traffic costs with the design of the first release, and now."""

    before: Cost
    now: Cost


def compare(
    traffic: Traffic,
    connection_counts: Sequence[int],
    estimate: Callable[[Traffic, Design], Cost] = estimate_monthly_cost,
) -> dict[int, Compared]:
    """Estimate both costs of the traffic by the number of open connections."""
    return {
        count: Compared(
            estimate(replace(traffic, connections=count), FIRST_RELEASE),
            estimate(replace(traffic, connections=count), NOW),
        )
        for count in connection_counts
    }


def build_rows(costs: dict[int, Compared]) -> list[list[str]]:
    """Return a row for each component, then the total, the cost of one connection, and the request rate.

    `costs` are by the number of open connections. A cell has the first release's figure and today's, or one
    if they are the same.
    """
    reasons = {
        component: reason
        for component, reason in _OPTIONAL_TOO.items()
        if all(component in cost.now.dollars for cost in costs.values())
    }
    names = [*reasons, "sum", "of it a connection", "requests a second, on average"]
    explained = [*reasons.values(), "", "", f"the account has {REQUEST_BUDGET:,}"]
    columns = [
        [
            now if before == now else f"{before} → {now}"
            for before, now in zip(*(_build_column(cost, count, reasons) for cost in compared), strict=True)
        ]
        for count, compared in costs.items()
    ]
    return [list(row) for row in zip(names, *columns, explained, strict=True)]


def _build_column(cost: Cost, connections: int, components: Iterable[str]) -> list[str]:
    return [
        *(_format_dollars(cost.dollars.get(component, 0.0)) for component in components),
        _format_dollars(cost.total),
        f"{cost.total / connections:.4f}",
        f"{cost.requests_per_second:,.0f}",
    ]


def format_table(costs: dict[int, Compared]) -> Table:
    """Format the table for a terminal."""
    return build_table(_build_header(costs), build_rows(costs))


def list_as_json(costs: dict[int, Compared]) -> Iterator[dict[str, Any]]:
    """Yield what `--json` prints, a line for each number of connections (docs/operator_cli.md)."""
    for connections, cost in costs.items():
        yield {
            "connections": connections,
            "dollarsAMonth": cost.now.dollars,
            "total": cost.now.total,
            "requestsPerSecond": cost.now.requests_per_second,
            "firstRelease": {"dollarsAMonth": cost.before.dollars, "total": cost.before.total},
        }


def format_markdown(costs: dict[int, Compared]) -> str:
    """Format the table as docs/operations.md contains it."""
    alignment = ["---", *("---:" for _ in costs), "---"]
    lines = [_build_header(costs), alignment, *build_rows(costs)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def describe_traffic(traffic: Traffic) -> str:
    """Describe the traffic and the date of the prices in a sentence."""
    return (
        f"Prices of {prices.AS_OF}, us-east-1. A connection and day: {traffic.connects:g} handshakes, "
        f"{traffic.heartbeats:g} heartbeats at most, {traffic.messages:g} messages, "
        f"{traffic.refreshes:g} new tokens{_describe_questions(traffic)}; "
        f"{traffic.events:g} events a day, each for {traffic.matched:.2%} of the connections, "
        f"{traffic.payload_bytes} bytes."
    )


def _describe_questions(traffic: Traffic) -> str:
    asked = {"pings": traffic.pings, "getStatus": traffic.statuses}
    return "".join(f", {count:g} {name}" for name, count in asked.items() if count)


def _build_header(costs: dict[int, Compared]) -> list[str]:
    return [
        "dollars a month: first release → now",
        *(f"{connections:,}" for connections in costs),
        "grows with",
    ]


def _format_dollars(value: float) -> str:
    return f"{value:,.2f}" if value < 100 else f"{value:,.0f}"
