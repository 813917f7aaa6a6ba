"""What a frame holds, of which nothing is known but that it is JSON."""

from __future__ import annotations

from typing import Any, cast


def as_object(value: Any) -> dict[str, Any]:
    """Return a JSON object as it is, and an empty one for anything else."""
    return cast(dict[str, Any], value) if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """Return a JSON list as it is, and an empty one for anything else."""
    return cast(list[Any], value) if isinstance(value, list) else []
