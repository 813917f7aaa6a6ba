"""JSON as this service reads and writes it: stricter than the standard library's.

Everything that `loads` returns can be stored, compared and sent on: numbers are finite, integers fit 64
bits, strings are valid Unicode, nesting is bounded. Python's own `json` promises none of these.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

DEPTH_MAX = 64
INTEGER_MIN, INTEGER_MAX = -(2**63), 2**63 - 1
# More digits than any 64-bit integer has; longer texts are not even converted.
_INTEGER_CHARS_MAX = 20


def loads(text: str | bytes) -> Any:
    """Read one JSON value. Raises ValueError, with a text fit for the sender, on everything else."""
    if isinstance(text, bytes):
        try:
            text = text.decode()
        except UnicodeDecodeError as error:
            raise ValueError(f"not UTF-8 at byte {error.start}") from error
    try:
        value = _decode(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} at character {error.pos}") from error
    except RecursionError as error:
        raise ValueError(_TOO_DEEP) from error
    # Fewer brackets than levels cannot be too deep; counting them is far cheaper than a walk.
    if text.count("{") + text.count("[") > DEPTH_MAX and _depth(value) > DEPTH_MAX:
        raise ValueError(_TOO_DEEP)
    if not text.isascii() or "\\u" in text:
        _refuse_lone_surrogates(value)
    return value


def dumps(value: Any) -> str:
    """The compact JSON text of a value, without needless escapes.

    Raises ValueError where the value is not JSON (NaN, a type or a cycle that JSON does not know).
    """
    try:
        text = _encode(value)
    except (TypeError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from error
    if text.isascii():
        return text
    # Outside limit: SQS refuses a body that holds either of these two characters.
    return text.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")


def byte_length(text: str) -> int:
    """How many bytes the text takes on the wire."""
    return len(text) if text.isascii() else len(text.encode())


def _constant(name: str) -> NoReturn:
    raise ValueError(f"not JSON: {name} is not a JSON number")


def _float(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError("a number is too large for 64-bit floating point")
    return number


def _integer(text: str) -> int:
    if len(text) <= _INTEGER_CHARS_MAX and INTEGER_MIN <= (number := int(text)) <= INTEGER_MAX:
        return number
    raise ValueError("a whole number is beyond 64 bits; send it as a string")


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level := [item for item in level if isinstance(item, dict | list)]:
        depth += 1
        level = [inner for item in level for inner in (item.values() if isinstance(item, dict) else item)]
    return depth


def _refuse_lone_surrogates(value: Any) -> None:
    try:
        _encode(value).encode()
    except UnicodeEncodeError as error:
        raise ValueError("a string holds half of a surrogate pair, which is not Unicode text") from error


_TOO_DEEP = f"nested deeper than {DEPTH_MAX} levels"
# Built once: json.loads and json.dumps build theirs anew on each call that has options.
_decode = json.JSONDecoder(parse_constant=_constant, parse_float=_float, parse_int=_integer).decode
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
