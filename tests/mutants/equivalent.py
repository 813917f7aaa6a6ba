"""Mutants that no test can notice, because they mean the same: `equivalent.json`, each with the reason.

A mutant is known by its file and by the lines before and after, so that it may move within its file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("equivalent.json")


def read_reasons() -> list[dict[str, str]]:
    """Return the entries: `file`, `before`, `after` and `reason`."""
    return json.loads(FILE.read_text("utf-8"))


def find_reason(mutant: dict[str, Any], entries: list[dict[str, str]]) -> str:
    """Return why a mutant means the same; the empty text if no entry says so."""
    for entry in entries:
        if all(entry[name] == mutant[name] for name in ("file", "before", "after")):
            return entry["reason"]
    return ""
