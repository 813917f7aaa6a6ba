"""The demo's closing table: what was expected, what came, and how fast."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

from rich.table import Table

from examples.shoppers import Shopper, expected_events

if TYPE_CHECKING:
    from rich.console import Console

    from examples.publish_paths import PublishPaths


def print_summary(
    console: Console, feed: list[dict[str, Any]], shoppers: list[Shopper], paths: PublishPaths, removed: bool
) -> bool:
    """Print the closing table; returns whether every deal arrived once, and the record was removed."""
    table = Table(title="What happened", title_justify="left")
    for column in ("", "expected", "delivered", "lost", "not wanted", "twice", "p50 ms", "p99 ms"):
        table.add_column(column, justify="left" if not column else "right")

    succeeded = removed
    all_latencies: list[float] = []
    for shopper in shoppers:
        expected, received = expected_events(shopper, feed), set(shopper.latencies)
        latencies = list(shopper.latencies.values())
        all_latencies += latencies
        succeeded = succeeded and expected == received and shopper.repeats == 0
        table.add_row(
            shopper.name,
            *_format_counts(expected, received, shopper.repeats),
            *_format_percentiles(latencies),
        )

    table.add_section()
    for path in paths.names():
        table.add_row(*_build_path_row(path, paths.path_by_event, feed, shoppers))

    total = sum(len(expected_events(shopper, feed)) for shopper in shoppers)
    table.add_section()
    table.add_row(
        f"{len(feed)} events",
        str(total),
        str(len(all_latencies)),
        *("", "", ""),
        *_format_percentiles(all_latencies),
    )

    console.print(table)
    console.print(
        "[bold green]None lost, none twice.[/]"
        if succeeded
        else "[bold red]Something went wrong: see the table.[/]"
    )
    return succeeded


def _build_path_row(
    path: str, path_by_event: dict[str, str], feed: list[dict[str, Any]], shoppers: list[Shopper]
) -> list[str]:
    """Return the row of one publish path, over all shoppers."""
    event_ids = {event_id for event_id, used in path_by_event.items() if used == path}
    expected = [expected_events(shopper, feed) & event_ids for shopper in shoppers]
    lost = sum(len(ids - shopper.latencies.keys()) for ids, shopper in zip(expected, shoppers, strict=True))
    latencies = [
        milliseconds
        for shopper in shoppers
        for event_id, milliseconds in shopper.latencies.items()
        if event_id in event_ids
    ]
    total = sum(len(ids) for ids in expected)
    return [
        f"{len(event_ids)} by {path}",
        str(total),
        str(len(latencies)),
        str(lost),
        *("", ""),
        *_format_percentiles(latencies),
    ]


def _format_counts(expected: set[str], received: set[str], repeats: int) -> list[str]:
    counts = (len(expected), len(received), len(expected - received), len(received - expected), repeats)
    return [str(count) for count in counts]


def _format_percentiles(milliseconds: list[float]) -> list[str]:
    """Return the 50th and the 99th percentile."""
    if len(milliseconds) < 2:
        return [f"{value:.0f}" for value in milliseconds] * 2 or ["-", "-"]
    cuts = statistics.quantiles(milliseconds, n=100, method="inclusive")
    return [f"{cuts[49]:.0f}", f"{cuts[98]:.0f}"]
