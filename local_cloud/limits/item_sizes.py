"""Sizes of DynamoDB items, as AWS counts them.

docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
"""

from __future__ import annotations

import base64
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_CONTAINER_BYTES = 3


def measure_item(item: Mapping[str, Mapping[str, Any]]) -> int:
    """Return the size of an item in bytes: its attribute names and values."""
    return sum(len(name.encode()) + measure_value(value) for name, value in item.items())


def measure_value(value: Mapping[str, Any]) -> int:
    """Return the size of one attribute value, as `{"S": "text"}`, in bytes."""
    ((kind, content),) = value.items()
    measure = _MEASURES.get(kind, lambda _: 1)  # one byte for BOOL and NULL
    if kind in {"SS", "NS", "BS"}:
        return sum(map(_MEASURES[kind[0]], content))
    return measure(content)


def _measure_binary(content: Any) -> int:
    # JSON carries base64; an SDK's parameters carry the bytes.
    return len(content) if isinstance(content, bytes | bytearray) else len(base64.b64decode(content))


def _measure_number(text: str) -> int:
    """Return about one byte for each two significant digits, and one more; negative numbers one more."""
    return (count_digits(text) + 1) // 2 + 1 + text.startswith("-")


_MEASURES: dict[str, Callable[[Any], int]] = {
    "S": lambda text: len(text.encode()),
    "N": _measure_number,
    "B": _measure_binary,
    "L": lambda members: _CONTAINER_BYTES + sum(1 + measure_value(member) for member in members),
    "M": lambda members: _CONTAINER_BYTES + len(members) + measure_item(members),
}


def count_digits(text: str) -> int:
    """Return the number of significant digits; 0 for zero, and for a text that is not a number."""
    try:
        digits = "".join(map(str, Decimal(text).as_tuple().digits))
    except InvalidOperation:
        return 0
    return len(digits.strip("0"))


def find_numbers(value: Mapping[str, Any]) -> Iterator[str]:
    """Yield all numbers inside one attribute value, as texts."""
    ((kind, content),) = value.items()
    if kind == "N":
        yield content
    elif kind == "NS":
        yield from content
    elif kind in {"L", "M"}:
        for member in content.values() if kind == "M" else content:
            yield from find_numbers(member)
