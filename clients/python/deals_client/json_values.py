"""What a frame holds, of which nothing is known but that it is JSON."""

from __future__ import annotations

from typing import Any, TypeGuard, cast


def as_object(value: Any) -> dict[str, Any]:
    """Return a JSON object as it is, and an empty one for anything else."""
    return cast(dict[str, Any], value) if isinstance(value, dict) else {}


def is_list(value: Any) -> TypeGuard[list[Any]]:
    """Whether a value is a JSON list."""
    return isinstance(value, list)


def as_list(value: Any) -> list[Any]:
    """Return a JSON list as it is, and an empty one for anything else."""
    return value if is_list(value) else []
