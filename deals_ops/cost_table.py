"""`make cost`: prints the monthly cost as a table, as Markdown for docs/operations.md, or as JSON."""

from __future__ import annotations

import argparse
import sys
from dataclasses import fields, replace
from typing import TYPE_CHECKING

from deals_ops import prices
from deals_ops.cost import (
    GROWS_WITH,
    GROWS_WITH_REDIS,
    REDIS,
    REQUEST_BUDGET,
    Cost,
    Traffic,
    estimate_monthly_cost,
    estimate_with_redis,
)
from deals_ops.formatting import build_table
from deals_ops.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CONNECTION_COUNTS = (1_000, 10_000, 100_000, 1_000_000)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the cost of the traffic that the options describe."""
    arguments = _build_parser().parse_args(argv)
    given = {
        field.name: value
        for field in fields(Traffic)
        if field.name != "connections" and (value := getattr(arguments, field.name)) is not None
    }
    traffic = Traffic(**given)

    estimate = estimate_with_redis if arguments.redis else estimate_monthly_cost
    costs = {
        connections: estimate(replace(traffic, connections=connections))
        for connections in arguments.connections or CONNECTION_COUNTS
    }

    if arguments.markdown:
        sys.stdout.write(format_markdown(costs))
    elif arguments.json:
        _print_json(costs)
    else:
        terminal = Terminal()
        terminal.out.print(describe_traffic(traffic))
        terminal.out.print(build_table(_build_header(costs), build_rows(costs)))
    return 0


def build_rows(costs: dict[int, Cost]) -> list[list[str]]:
    """Return a row for each component, then the total, the cost of one connection, and the request rate.

    `costs` are by the number of open connections.
    """
    rows = [
        [component, *(_format_dollars(cost.dollars[component]) for cost in costs.values()), reason]
        for component, reason in {**GROWS_WITH, REDIS: GROWS_WITH_REDIS}.items()
        if all(component in cost.dollars for cost in costs.values())
    ]
    per_connection = [f"{cost.total / connections:.3f}" for connections, cost in costs.items()]
    requests = [f"{cost.requests_per_second:,.0f}" for cost in costs.values()]
    return [
        *rows,
        ["sum", *(_format_dollars(cost.total) for cost in costs.values()), ""],
        ["of it a connection", *per_connection, ""],
        ["requests a second, on average", *requests, f"the account has {REQUEST_BUDGET:,}"],
    ]


def format_markdown(costs: dict[int, Cost]) -> str:
    """Format the table as docs/operations.md contains it."""
    alignment = ["---", *("---:" for _ in costs), "---"]
    lines = [_build_header(costs), alignment, *build_rows(costs)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def describe_traffic(traffic: Traffic) -> str:
    """Describe the traffic and the date of the prices in a sentence."""
    return (
        f"Prices of {prices.AS_OF}, us-east-1. A connection and day: {traffic.connects:g} handshakes, "
        f"{traffic.pings:g} pings, {traffic.messages:g} messages, {traffic.refreshes:g} new tokens; "
        f"{traffic.events:g} events a day, each for {traffic.matched:.2%} of the connections, "
        f"{traffic.payload_bytes} bytes."
    )


def _build_header(costs: dict[int, Cost]) -> list[str]:
    return ["dollars a month", *(f"{connections:,}" for connections in costs), "grows with"]


def _print_json(costs: dict[int, Cost]) -> None:
    terminal = Terminal(as_json=True)
    for connections, cost in costs.items():
        terminal.print_json(
            {
                "connections": connections,
                "dollarsAMonth": cost.dollars,
                "total": cost.total,
                "requestsPerSecond": cost.requests_per_second,
            }
        )


def _format_dollars(value: float) -> str:
    return f"{value:,.2f}" if value < 100 else f"{value:,.0f}"


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make cost ARGS=…", description="Estimate the monthly cost of the service.", allow_abbrev=False
    )
    parser.add_argument(
        "--connections",
        type=_parse_count,
        action="append",
        help="open connections on average; may be repeated (1 k to 1 M)",
    )
    for name, (parse, description) in _TRAFFIC_OPTIONS.items():
        default = getattr(Traffic(), name)
        parser.add_argument(f"--{name.replace('_', '-')}", type=parse, help=f"{description} ({default:g})")
    parser.add_argument("--redis", action="store_true", help="with Redis at the stack's defaults")

    output = parser.add_mutually_exclusive_group()
    output.add_argument("--markdown", action="store_true", help="print the table of docs/operations.md")
    output.add_argument("--json", action="store_true", help="print a line for each number of connections")
    return parser


def _parse_count(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")


def _parse_amount(text: str) -> float:
    value = _parse_number(text)
    if 0 <= value <= 1e12:
        return value
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of at least 0")


def _parse_share(text: str) -> float:
    value = _parse_number(text)
    if 0 <= value <= 1:
        return value
    raise argparse.ArgumentTypeError(f"{text!r} is not a share from 0 to 1")


def _parse_number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from error


_TRAFFIC_OPTIONS: dict[str, tuple[Callable[[str], float], str]] = {
    "connects": (_parse_amount, "handshakes for each connection a day"),
    "pings": (_parse_amount, "pings for each connection a day"),
    "messages": (_parse_amount, "messages for each connection a day"),
    "refreshes": (_parse_amount, "token refreshes for each connection a day"),
    "events": (_parse_amount, "events a day in total"),
    "matched": (_parse_share, "share of the connections that receive an event, 0 to 1"),
    "payload_bytes": (_parse_count, "size of a push in bytes"),
}
"""By field of Traffic: how its option is parsed, and its help."""


if __name__ == "__main__":
    sys.exit(main())
