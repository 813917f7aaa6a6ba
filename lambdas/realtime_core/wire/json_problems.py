"""What exactly is wrong with JSON that `jsontext.loads` refused, and what can still be read of it.

Only ever used on what was refused already: the strict reader stays fast, and the sender learns which field it
was, and for which request.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from realtime_core.errors import Problem
from realtime_core.wire.fields import PROBLEMS_MAX, shown
from realtime_core.wire.strict_json import DEPTH_MAX, INTEGER_MAX, INTEGER_MIN

PATH_CHARS_MAX = 256
_NOT_UNICODE = "holds half of a surrogate pair, which is not Unicode text"


def parse_leniently(text: str) -> Any:
    """The value of a JSON text as a laxer reader takes it; None where that cannot read it either."""
    try:
        return json.loads(text, parse_int=_integer)
    except (ValueError, RecursionError):
        return None


def find_json_problems(value: Any, otherwise: str) -> list[Problem]:
    """What `loads` does not take, by path (`data.filters.price`), as far as an error frame has room.

    `otherwise` is what the value itself is called.
    """
    return [
        Problem(path[:PATH_CHARS_MAX] or otherwise, problem)
        for path, problem in islice(_misfits(value, "", 0), PROBLEMS_MAX)
    ]


def is_unicode(text: str) -> bool:
    """Whether a string is valid Unicode: Python's may hold half of a surrogate pair."""
    return text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text)


def _misfits(value: Any, path: str, depth: int) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict | list):
        if depth == DEPTH_MAX:
            yield path, f"is nested deeper than {DEPTH_MAX} levels"
        else:
            for where, inner in _members(value, path):
                yield from _misfits(inner, where, depth + 1)
            if isinstance(value, dict) and not all(map(is_unicode, value)):
                yield path, f"has a name that {_NOT_UNICODE}"
    elif isinstance(value, str):
        if not is_unicode(value):
            yield path, _NOT_UNICODE
    elif isinstance(value, float):
        if not float("-inf") < value < float("inf"):
            yield path, "must be a finite number that fits 64-bit floating point"
    elif isinstance(value, int) and not INTEGER_MIN <= value <= INTEGER_MAX:
        yield path, "is a whole number beyond 64 bits; send it as a string"


def _members(value: dict[str, Any] | list[Any], path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, list):
        yield from ((f"{path}[{index}]", inner) for index, inner in enumerate(value))
    else:
        dot = "." if path else ""
        yield from ((f"{path}{dot}{shown(name)}", inner) for name, inner in value.items() if is_unicode(name))


def _integer(text: str) -> int:
    # Python refuses to convert thousands of digits, and how far beyond 64 bits it is makes no difference.
    return int(text[:40])
