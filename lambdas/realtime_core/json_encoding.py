"""Encoders and decoders of compact JSON, without what the standard library does for each text besides."""

from __future__ import annotations

import json.encoder
from collections.abc import Callable
from typing import Any


def compact_encoder(*, ensure_ascii: bool, allow_nan: bool) -> Callable[[Any], str]:
    """Return what encodes a value as compact JSON, as `json.JSONEncoder` with these options does.

    Raises TypeError for a type that JSON does not have, ValueError for a number that it does not have, and
    RecursionError for a value that is nested too deep or contains itself.
    """
    encoder = json.JSONEncoder(
        ensure_ascii=ensure_ascii, allow_nan=allow_nan, separators=(",", ":"), check_circular=False
    )
    # What JSONEncoder.iterencode does for each text, whose only state is its options. CPython has it.
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return encoder.encode
    quoted = json.encoder.encode_basestring_ascii if ensure_ascii else json.encoder.encode_basestring
    encode = make(None, encoder.default, quoted, None, ":", ",", False, False, allow_nan)
    join = "".join
    return lambda value: join(encode(value, 0))


def compact_decoder(**options: Any) -> Callable[[str], Any]:
    """Return what parses a JSON text, as `json.JSONDecoder` with these options does.

    Raises json.JSONDecodeError, RecursionError, and what the options raise.
    """
    decoder = json.JSONDecoder(**options)
    scan: Callable[[str, int], tuple[Any, int]] = decoder.scan_once  # type: ignore[attr-defined]
    decode = decoder.decode

    def parse(text: str) -> Any:
        try:
            # Without looking for spaces before and after the value, which nearly no text has.
            value, end = scan(text, 0)
        except StopIteration:
            end = -1
        return value if end == len(text) else decode(text)

    return parse
