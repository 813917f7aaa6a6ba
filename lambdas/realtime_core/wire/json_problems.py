"""Diagnosis of JSON that `strict_json.loads` rejects: each problem with its path, and the request id.

The diagnosis runs only on rejected input, so the strict parser stays fast and the sender still learns which
field of which request is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from realtime_core.errors import Problem
from realtime_core.wire.fields import PROBLEMS_MAX, reject, reject_if_any, shorten
from realtime_core.wire.strict_json import DEPTH_MAX, INTEGER_MAX, INTEGER_MIN, loads

PATH_CHARS_MAX = 256
_NOT_UNICODE = "holds half of a surrogate pair, which is not Unicode text"


def parse_text(text: str | bytes, path: str) -> Any:
    """The value of a JSON text by `strict_json`. Raises ValidationFailed with each problem by its path.

    `path` is that of the text itself.
    """
    try:
        return loads(text)
    except ValueError as error:
        reject_if_any(find_json_problems(parse_leniently(text), path))
        reject(path, str(error))


def parse_leniently(text: str | bytes) -> Any:
    """The value of a JSON text according to the standard library; None if that rejects it too."""
    try:
        return json.loads(text, parse_int=_integer)
    except (ValueError, RecursionError):
        return None


def find_json_problems(value: Any, root: str) -> list[Problem]:
    """What `strict_json` rejects in a value, by path (`data.filters.price`); at most PROBLEMS_MAX problems.

    `root` is the path of the value itself.
    """
    return [
        Problem(path[:PATH_CHARS_MAX] or root, problem)
        for path, problem in islice(_walk(value, "", 0), PROBLEMS_MAX)
    ]


def is_unicode(text: str) -> bool:
    """Whether a string is valid Unicode: a Python string may contain half of a surrogate pair."""
    return text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text)


def _walk(value: Any, path: str, depth: int) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict | list):
        if depth == DEPTH_MAX:
            yield path, f"is nested deeper than {DEPTH_MAX} levels"
        else:
            for inner_path, inner in _members(value, path):
                yield from _walk(inner, inner_path, depth + 1)
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
        yield from (
            (f"{path}{dot}{shorten(name)}", inner) for name, inner in value.items() if is_unicode(name)
        )


def _integer(text: str) -> int:
    # Python refuses to convert thousands of digits; forty are enough to exceed 64 bits.
    return int(text[:40])
