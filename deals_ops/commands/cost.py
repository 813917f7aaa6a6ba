"""`cost`: estimate the monthly cost of the service; `make cost` runs it."""

from __future__ import annotations

import argparse
from dataclasses import fields
from functools import partial
from typing import TYPE_CHECKING

from deals_ops.argument_types import integer_between
from deals_ops.cost import Traffic, estimate_with_options, with_publish_api
from deals_ops.cost_table import (
    CONNECTION_COUNTS,
    Compared,
    compare,
    describe_traffic,
    format_markdown,
    format_table,
    list_as_json,
)
from deals_ops.errors import WrongArgument
from deals_ops.terminal import CommandResult, Terminal

if TYPE_CHECKING:
    from collections.abc import Callable

    from deals_ops.command_parsers import CommandParsers

BUSES_MAX = 10
"""Other Regions: the most that `forward_events_to` of the stack takes."""


def add_commands(parsers: CommandParsers) -> None:
    """Add the command."""
    command = parsers.add_command("cost", "estimate the monthly cost of the service; needs no stack")
    command.add_argument(
        "--connections",
        type=_parse_count,
        action="append",
        help="open connections on average; may be repeated (1 k to 1 M)",
    )
    for name, (parse, description) in _TRAFFIC_OPTIONS.items():
        default = getattr(Traffic(), name)
        command.add_argument(f"--{name.replace('_', '-')}", type=parse, help=f"{description} ({default:g})")
    command.add_argument(
        "--publish-api", action="store_true", help="with every event by a request of its own over HTTP"
    )
    command.add_argument("--redis", action="store_true", help="with Redis at the stack's defaults")
    command.add_argument(
        "--forward-to",
        type=integer_between(1, BUSES_MAX),
        default=0,
        metavar="REGIONS",
        help="with each event forwarded to so many other Regions, each of which costs as much again",
    )
    command.add_argument("--markdown", action="store_true", help="print the table of docs/operations.md")
    command.set_defaults(run=run, needs_no_stack=True)


def run(arguments: argparse.Namespace, terminal: Terminal) -> CommandResult:
    """Estimate the cost of the traffic that the options describe."""
    if arguments.markdown and terminal.as_json:
        raise WrongArgument("--markdown and --json exclude each other: leave one out")
    given = {
        field.name: value
        for field in fields(Traffic)
        if field.name != "connections" and (value := getattr(arguments, field.name)) is not None
    }
    traffic = Traffic(**given)
    costs = _estimate(arguments, traffic)

    if terminal.as_json:
        for line in list_as_json(costs):
            terminal.print_json(line)
        return CommandResult(None)
    if arguments.markdown:
        return CommandResult(None, text=format_markdown(costs))
    return CommandResult(None, [describe_traffic(traffic), format_table(costs)])


def _estimate(arguments: argparse.Namespace, traffic: Traffic) -> dict[int, Compared]:
    estimate = partial(estimate_with_options, redis=arguments.redis, regions=arguments.forward_to)
    costs = compare(traffic, arguments.connections or CONNECTION_COUNTS, estimate)
    if not arguments.publish_api:
        return costs
    return {
        count: Compared(compared.before, with_publish_api(compared.now, traffic))
        for count, compared in costs.items()
    }


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
