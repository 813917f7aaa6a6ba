"""The forms of input: bytes as a text, as headers, as a token that is signed; and back."""

from __future__ import annotations

import base64
from typing import Any

from tests.fuzz.grammar import encoded
from tests.fuzz.strategies import sign


def encoded_leniently(text: str) -> bytes:
    """The bytes of a text that was broken as bytes."""
    return text.encode(errors="surrogateescape") if not _has_pairs_in_half(text) else encoded(text)


def _has_pairs_in_half(text: str) -> bool:
    return any("\ud800" <= char <= "\udfff" and not "\udc80" <= char <= "\udcff" for char in text)


def to_text_leniently(data: bytes) -> str:
    """The text of any bytes; what is no UTF-8 becomes halves of pairs."""
    return data.decode(errors="surrogateescape")


def to_headers(data: bytes) -> dict[str, str]:
    """The headers of lines; of one that comes twice the last."""
    lines = (line.partition(":") for line in to_text_leniently(data).split("\n"))
    return {name.strip(): value.strip() for name, _, value in lines}


def to_token(data: bytes) -> str:
    """A token with a good signature over two lines, its header and its claims; another text as it is."""
    header, newline, claims = data.partition(b"\n")
    return sign(header, claims) if newline else to_text_leniently(data)


def from_token(token: str) -> bytes:
    """The two lines of a token, as `to_token` takes them; its text if it is none."""
    try:
        header, claims = (base64.urlsafe_b64decode(part + "==") for part in token.split(".")[:2])
    except ValueError:
        return encoded_leniently(token)
    return header + b"\n" + claims


def to_bytes(data: Any) -> bytes:
    """The bytes of an input of any form."""
    if isinstance(data, dict):
        return b"\n".join(encoded_leniently(f"{name}: {value}") for name, value in data.items())
    return encoded_leniently(data) if isinstance(data, str) else bytes(data)
