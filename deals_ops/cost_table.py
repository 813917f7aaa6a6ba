"""`make cost`: prints the monthly cost as a table, as Markdown for docs/operations.md, or as JSON."""

from __future__ import annotations

import argparse
import sys
from dataclasses import fields, replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from deals_ops import prices
from deals_ops.argument_types import integer_between
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
    estimate_with_options,
    with_publish_api,
)
from deals_ops.cost_design import FIRST_RELEASE, NOW, Design
from deals_ops.formatting import build_table
from deals_ops.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_OPTIONAL_TOO = {
    **GROWS_WITH,
    REDIS: GROWS_WITH_REDIS,
    FORWARDING: GROWS_WITH_FORWARDING,
    PUBLISH_API: GROWS_WITH_PUBLISH_API,
}
BUSES_MAX = 10
"""Other Regions: the most that `forward_events_to` of the stack takes."""
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

    estimate = partial(estimate_with_options, redis=arguments.redis, regions=arguments.forward_to)
    costs = compare(traffic, arguments.connections or CONNECTION_COUNTS, estimate)
    if arguments.publish_api:
        costs = {
            count: Compared(compared.before, with_publish_api(compared.now, traffic))
            for count, compared in costs.items()
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


def _print_json(costs: dict[int, Compared]) -> None:
    terminal = Terminal(as_json=True)
    for connections, cost in costs.items():
        terminal.print_json(
            {
                "connections": connections,
                "dollarsAMonth": cost.now.dollars,
                "total": cost.now.total,
                "requestsPerSecond": cost.now.requests_per_second,
                "firstRelease": {"dollarsAMonth": cost.before.dollars, "total": cost.before.total},
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
    parser.add_argument(
        "--publish-api", action="store_true", help="with every event by a request of its own over HTTP"
    )
    parser.add_argument("--redis", action="store_true", help="with Redis at the stack's defaults")
    parser.add_argument(
        "--forward-to",
        type=integer_between(1, BUSES_MAX),
        default=0,
        metavar="REGIONS",
        help="with each event forwarded to so many other Regions, each of which costs as much again",
    )

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
    "heartbeats": (_parse_amount, "heartbeats for each connection a day, if it sends nothing else"),
    "pings": (_parse_amount, "answered pings for each connection a day"),
    "statuses": (_parse_amount, "getStatus calls for each connection a day"),
    "messages": (_parse_amount, "messages for each connection a day"),
    "refreshes": (_parse_amount, "token refreshes for each connection a day"),
    "events": (_parse_amount, "events a day in total"),
    "matched": (_parse_share, "share of the connections that receive an event, 0 to 1"),
    "payload_bytes": (_parse_count, "size of a push in bytes"),
}
"""By field of Traffic: how its option is parsed, and its help."""


if __name__ == "__main__":
    sys.exit(main())
