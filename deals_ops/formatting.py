"""Text and tables for people: everything a command shows goes through these functions.

User ids, user agents and events come from others and may contain control characters, which could move the
cursor or worse. `strip_control_characters` removes them, and every other function here calls it.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def strip_control_characters(value: Any) -> str:
    """Return the value as text, without control characters and marks that change the text direction."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", str(value))


def build_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str | None = None) -> Table:
    """Build a table; None becomes a dash, columns of numbers are right-aligned."""
    rows = [list(row) for row in rows]
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for index, column in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[index], int | float | None) for row in rows)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_build_cell(value) for value in row))
    return table


def build_facts(pairs: Iterable[tuple[str, Any]]) -> Table:
    """Build a table of names and values, one pair a line."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in pairs:
        table.add_row(name, _build_cell(value))
    return table


def format_time(epoch_seconds: float | None) -> str | None:
    """Format a time in UTC, as in the logs; None stays None."""
    if epoch_seconds is None:
        return None
    return time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(epoch_seconds))


def format_age(seconds: float) -> str:
    """Format an age in the largest unit of which it has at least two."""
    for unit_seconds, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= 2 * unit_seconds:
            return f"{int(seconds // unit_seconds)} {unit}"
    return f"{max(0, int(seconds))} s"


def _build_cell(value: Any) -> Text:
    return Text("-" if value is None else strip_control_characters(value))
