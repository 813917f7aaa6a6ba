"""What kind an item of a table is, by docs/schema.md: for tests that look at everything that is stored."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from local_cloud.stack import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

KEYS = {
    "connections": ("connection_id",),
    "messages": ("user_id", "sk"),
    "history": ("pk",),
    "subscriptions": ("pk", "sk"),
    "limits": ("bucket",),
    "revocations": ("subject",),
}
"""The parts of each table's key that tell kinds apart."""


class StoredKind(NamedTuple):
    """A row of the page."""

    name: str
    table: str
    keys: tuple[re.Pattern[str], ...]
    """Each matches the whole key, its parts separated by a line break."""
    version: int | None
    """What `sv` says; None where the version is in the key."""


@cache
def list_kinds() -> tuple[StoredKind, ...]:
    """Return the rows of the page."""
    page = (ROOT / "docs" / "schema.md").read_text("utf-8")
    rows = re.findall(r"^\| ([^|]+) \| (\w+) \| (`[^|]+) \| (?:`sv` (\d+)|key) \|", page, re.MULTILINE)
    return tuple(
        StoredKind(name, table, _patterns(key, len(KEYS[table])), int(version) if version else None)
        for name, table, key, version in rows
    )


def kinds_of(table: str, item: Mapping[str, Any]) -> list[StoredKind]:
    """Return the rows that an item, with plain values, matches: exactly one, if the page is right."""
    key = "\n".join(str(item[part]) for part in KEYS[table])
    return [
        kind
        for kind in list_kinds()
        if kind.table == table and any(pattern.fullmatch(key) for pattern in kind.keys)
    ]


def _patterns(key: str, parts: int) -> tuple[re.Pattern[str], ...]:
    """The patterns of a cell, such as `` `counter`, `s#<batch>` `` or `` `a`, `b` or `c` ``."""
    cells = [re.findall(r"`([^`]+)`", part) for part in key.split(", ")]
    if parts == 1:
        return tuple(re.compile(_expression(text)) for texts in cells for text in texts)
    firsts, seconds = cells
    return tuple(
        re.compile(f"{_expression(first)}\n{_expression(second)}") for first in firsts for second in seconds
    )


_ANYTHING = "[^\n]+"
_OF = {
    "time": rf"\d+#{_ANYTHING}",
    **dict.fromkeys(("connection id", "event id", "part", "request id", "token id"), _ANYTHING),
}
"""What may stand for a name in `<>`, besides text without a separator."""


def _expression(text: str) -> str:
    parts = re.split(r"<([^>]*)>", text)
    return "".join(
        _OF.get(part, r"[^#\n]+") if index % 2 else re.escape(part) for index, part in enumerate(parts)
    )
