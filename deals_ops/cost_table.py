"""`make cost`: the month's cost as a table for people, for docs/operations.md, or for scripts."""

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
    monthly,
    with_redis,
)
from deals_ops.terminal import Screen, table

if TYPE_CHECKING:
    from collections.abc import Sequence

SIZES = (1_000, 10_000, 100_000, 1_000_000)
SHARES = {"matched"}


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table of the traffic that the options describe."""
    arguments = _parser().parse_args(argv)
    stated = Traffic(
        **{
            one.name: value
            for one in fields(Traffic)
            if one.name != "connections" and (value := getattr(arguments, one.name)) is not None
        }
    )
    sizes = arguments.connections or SIZES
    counted = with_redis if arguments.redis else monthly
    costs = {size: counted(replace(stated, connections=size)) for size in sizes}
    if arguments.markdown:
        sys.stdout.write(markdown(costs))
        return 0
    screen = Screen(as_json=arguments.json)
    if screen.as_json:
        for size, cost in costs.items():
            screen.line({"connections": size, "dollarsAMonth": cost.dollars, "total": cost.total,
                         "requestsPerSecond": cost.requests_per_second})  # fmt: skip
        return 0
    screen.out.print(said(stated))
    screen.out.print(table(("dollars a month", *(f"{size:,}" for size in costs), "grows with"), rows(costs)))
    return 0


def rows(costs: dict[int, Cost]) -> list[list[str]]:
    """A row a component, then the sum, what one connection costs, and what it asks of the account."""
    made = [
        [name, *(_dollars(cost.dollars[name]) for cost in costs.values()), why]
        for name, why in {**GROWS_WITH, REDIS: GROWS_WITH_REDIS}.items()
        if all(name in cost.dollars for cost in costs.values())
    ]
    made.append(["sum", *(_dollars(cost.total) for cost in costs.values()), ""])
    made.append(["of it a connection", *(f"{cost.total / size:.3f}" for size, cost in costs.items()), ""])
    asked = [f"{cost.requests_per_second:,.0f}" for cost in costs.values()]
    return [*made, ["requests a second, on average", *asked, f"the account has {REQUEST_BUDGET:,}"]]


def markdown(costs: dict[int, Cost]) -> str:
    """The table as docs/operations.md has it."""
    head = ["dollars a month", *(f"{size:,}" for size in costs), "grows with"]
    lines = [head, ["---", *("---:" for _ in costs), "---"], *rows(costs)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def said(traffic: Traffic) -> str:
    """The traffic in a sentence."""
    return (
        f"Prices of {prices.AS_OF}, us-east-1. A connection and day: {traffic.connects:g} handshakes, "
        f"{traffic.pings:g} pings, {traffic.messages:g} messages, {traffic.refreshes:g} new tokens; "
        f"{traffic.events:g} events a day, each for {traffic.matched:.2%} of the connections, "
        f"{traffic.payload_bytes} bytes."
    )


def _dollars(value: float) -> str:
    return f"{value:,.2f}" if value < 100 else f"{value:,.0f}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make cost ARGS=…", description="What the service costs a month.", allow_abbrev=False
    )
    parser.add_argument(
        "--connections", type=_count, action="append", help="open on average; may be repeated (1 k to 1 M)"
    )
    usual = Traffic()
    for one in fields(Traffic):
        if one.name != "connections":
            option, kind = f"--{one.name.replace('_', '-')}", _share if one.name in SHARES else _amount
            if one.name == "payload_bytes":
                kind = _count
            parser.add_argument(option, type=kind, help=f"{_HELP[one.name]} ({getattr(usual, one.name):g})")
    parser.add_argument("--redis", action="store_true", help="with Redis, as the stack has it by default")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--markdown", action="store_true", help="as docs/operations.md has it")
    how.add_argument("--json", action="store_true", help="a line for each number of connections")
    return parser


_HELP = {
    "connects": "handshakes of a connection and day",
    "pings": "pings of a connection and day",
    "messages": "messages of a connection and day",
    "refreshes": "new tokens of a connection and day",
    "events": "events a day in all",
    "matched": "share of the connections that an event is for, 0 to 1",
    "payload_bytes": "bytes of a push",
}


def _count(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")


def _amount(text: str) -> float:
    value = _number(text)
    if 0 <= value <= 1e12:
        return value
    raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 up")


def _share(text: str) -> float:
    value = _number(text)
    if 0 <= value <= 1:
        return value
    raise argparse.ArgumentTypeError(f"{text!r} is not a share from 0 to 1")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from error


if __name__ == "__main__":
    sys.exit(main())
