"""The JSON examples of docs/operator_cli.md: `--json` prints exactly their keys, on which scripts rely."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parents[2] / "docs" / "operator_cli.md"
_SHAPE = re.compile(r"^`([a-z ]+)`:\n\n```json\n(.*?)\n```$", re.MULTILINE | re.DOTALL)


def documented_shape(command: str) -> Any:
    """Return the documented example of what a command prints with `--json`."""
    shapes = dict(_SHAPE.findall(PAGE.read_text("utf-8")))
    assert command in shapes, f"{PAGE.name} has no example of {command!r}"
    return json.loads(shapes[command])


def key_paths(value: Any, path: str = "") -> set[str]:
    """Return the path of each key; the elements of a list count as one."""
    if isinstance(value, dict):
        own = {f"{path}.{key}" for key in value}
        # The members of the user's own data are not part of the shape.
        nested = [
            key_paths(member, f"{path}.{key}")
            for key, member in value.items()
            if key not in {"filters", "data"}
        ]
        return own.union(*nested)
    if isinstance(value, list):
        return set().union(*(key_paths(element, f"{path}[]") for element in value))
    return set()
