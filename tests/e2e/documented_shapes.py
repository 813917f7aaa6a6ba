"""The shapes of docs/operator_cli.md, which scripts build on: what is printed has exactly these keys."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parents[2] / "docs" / "operator_cli.md"
_SHAPE = re.compile(r"^`([a-z ]+)`:\n\n```json\n(.*?)\n```$", re.MULTILINE | re.DOTALL)


def shape(command: str) -> Any:
    """The example that stands for what a command prints with `--json`."""
    shapes = dict(_SHAPE.findall(PAGE.read_text("utf-8")))
    assert command in shapes, f"{PAGE.name} shows no shape of {command!r}"
    return json.loads(shapes[command])


def keys_of(value: Any, path: str = "") -> set[str]:
    """The paths of every key; those of a list's elements together."""
    if isinstance(value, dict):
        own = {f"{path}.{key}" for key in value}
        # What the user's own data holds is not the command's shape.
        inside = [
            keys_of(one, f"{path}.{key}") for key, one in value.items() if key not in {"filters", "data"}
        ]
        return own.union(*inside)
    if isinstance(value, list):
        return set().union(*(keys_of(one, f"{path}[]") for one in value))
    return set()
