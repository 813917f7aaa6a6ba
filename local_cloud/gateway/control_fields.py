"""Reads the fields of a control call's body; each error names the field and what it takes."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from local_cloud.gateway.control_calls import BadCall

if TYPE_CHECKING:
    from collections.abc import Mapping


def parse_body(raw: bytes) -> dict[str, Any]:
    """Return the JSON object of a body; an empty one is an empty object. Raises BadCall."""
    try:
        body = json.loads(raw or b"{}", parse_constant=_refuse_constant, parse_float=_parse_float)
    except (ValueError, RecursionError) as error:
        raise BadCall(f"body: {error}; send JSON") from error
    if not isinstance(body, dict):
        raise BadCall("body: send a JSON object")
    return body


def read_number(
    body: Mapping[str, Any], field: str, default: float, low: float, high: float, *, is_open: bool = False
) -> float:
    """Return a number from `low`, which is excluded if `is_open`, to `high`. Raises BadCall."""
    value = body.get(field, default)
    is_number = type(value) in {int, float}
    if not is_number or not low <= value <= high or (is_open and value == low):
        bounds = f"above {low:g}, at most {high:g}" if is_open else f"from {low:g} to {high:g}"
        raise BadCall(f"{field}: {value!r:.100}; give a number {bounds}")
    return float(value)


def read_whole(body: Mapping[str, Any], field: str, default: int, low: int, high: int) -> int:
    """Return a whole number from `low` to `high`. Raises BadCall."""
    value = body.get(field, default)
    if type(value) is not int or not low <= value <= high:
        raise BadCall(f"{field}: {value!r:.100}; give a whole number from {low} to {high}")
    return value


def read_flag(body: Mapping[str, Any], field: str, *, default: bool) -> bool:
    """Return a boolean. Raises BadCall."""
    value = body.get(field, default)
    if not isinstance(value, bool):
        raise BadCall(f"{field}: {value!r:.100}; give true or false")
    return value


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")


def _parse_float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text:.100} is too large")
    return value
