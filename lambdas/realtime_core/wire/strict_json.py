"""JSON parsing and encoding, stricter than the standard library's.

Everything that `loads` returns can be stored, compared and sent: numbers are finite, integers fit 64 bits,
strings are valid Unicode, and nesting is bounded. Python's `json` guarantees none of this.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NoReturn

from realtime_core.json_encoding import compact_decoder, compact_encoder

DEPTH_MAX = 64
INTEGER_MIN, INTEGER_MAX = -(2**63), 2**63 - 1
# A 64-bit integer has at most 20 characters; longer texts are not converted.
_INTEGER_CHARS_MAX = 20


def loads(text: str | bytes) -> Any:
    """Parse one JSON value. Raises ValueError for anything else, with a text that may be sent to clients."""
    return _parse(text, _decode)


def loads_unambiguous(text: str | bytes) -> Any:
    """Parse one JSON value, as `loads` does, in which no object has a name twice. Raises ValueError.

    Parsers differ in which of two values they take, so what one has checked is not what another reads.
    """
    return _parse(text, _decode_unambiguous)


def _parse(text: str | bytes, decode: Callable[[str], Any]) -> Any:
    if isinstance(text, bytes):
        try:
            text = text.decode()
        except UnicodeDecodeError as error:
            raise ValueError(f"not UTF-8 at byte {error.start}") from error
    try:
        value = decode(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} at character {error.pos}") from error
    except RecursionError as error:
        raise ValueError(_TOO_DEEP) from error
    # A value with few brackets cannot be nested too deep, and counting them is far cheaper than a walk.
    if text.count("{") + text.count("[") > DEPTH_MAX and _depth(value) > DEPTH_MAX:
        raise ValueError(_TOO_DEEP)
    if not text.isascii() or "\\u" in text:
        _reject_lone_surrogates(value)
    return value


def dumps(value: Any) -> str:
    """The compact JSON text of a value, without unnecessary escapes.

    Raises ValueError if JSON cannot represent the value (NaN, an unknown type, a cycle).
    """
    try:
        text = _encode(value)
    except (TypeError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from error
    if text.isascii():
        return text
    # Outside limit: SQS rejects a body that contains either of these two characters.
    return text.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")


def byte_length(text: str) -> int:
    """The length of a text in bytes of UTF-8."""
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


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(members)
    if len(value) < len(members):
        raise ValueError("an object has a name twice")
    return value


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level := [item for item in level if isinstance(item, dict | list)]:
        depth += 1
        level = [inner for item in level for inner in (item.values() if isinstance(item, dict) else item)]
    return depth


def _reject_lone_surrogates(value: Any) -> None:
    try:
        _encode(value).encode()
    except UnicodeEncodeError as error:
        raise ValueError("a string holds half of a surrogate pair, which is not Unicode text") from error


_TOO_DEEP = f"nested deeper than {DEPTH_MAX} levels"
# Built once: json.loads builds a new decoder on each call with options.
_decode = compact_decoder(parse_constant=_constant, parse_float=_float, parse_int=_integer)
_decode_unambiguous = compact_decoder(
    object_pairs_hook=_object, parse_constant=_constant, parse_float=_float, parse_int=_integer
)
_encode = compact_encoder(ensure_ascii=False, allow_nan=False)
