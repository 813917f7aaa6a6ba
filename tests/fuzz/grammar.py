"""Inputs that nearly follow a grammar: known fields with good and hostile values, then broken as texts."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

RAW = "RAW:"
"""Before what goes into the JSON text as it is: numbers that Python does not write, and no JSON at all."""
HOSTILE: Sequence[Any] = (
    *(None, True, False, 0, -1, 0.5, -0.0, 2**31, 2**53 + 1, 2**63, -(2**63) - 1, 1e308),
    *(float("nan"), float("inf"), "", " ", "a", "0", "null", "x" * 300, "a\n", "*", "private.*"),
    *(RAW + text for text in ("1e400", "-1e-400", "9" * 5000, "0x10", "01", "'a'", "{", "]", "")),
    *("\x00", "\ud800", "\udfff\ud800", "\ufffe", "\u202e", "\u00e9", "\U0001f600"),
    *("__proto__", "$ne", "../../etc/passwd", "a.b.c", "-"),
    *([], {}, [[]], [None], [{}], {"": {}}, {"a": [{"a": [{}]}]}, {"\ud800": 1}, {"x" * 300: 1}),
)
BYTES = st.sampled_from(
    [
        b"",
        b"\x00",
        b"\xff",
        b"\r\n",
        b"\r\n\r\n",
        b"\n",
        b"\\",
        b'"',
        b"{",
        b"}",
        b"[" * 70,
        b",",
        b":",
        b".",
        b"=",
    ]
) | st.binary(max_size=8)


def values(good: Sequence[Any]) -> st.SearchStrategy[Any]:
    """Values of a field: good ones half of the time, hostile ones, and both within lists and objects."""
    hostile = st.integers(0, len(HOSTILE) - 1).map(_hostile)
    within = st.lists(hostile, max_size=4) | st.dictionaries(
        st.sampled_from(["a", "", "not", "anyOf"]), hostile
    )
    return st.sampled_from(good) | hostile | within if good else hostile | within


def objects(fields: Mapping[str, Sequence[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with some of the known fields, seldom others. Each field comes with its good values."""
    known = st.fixed_dictionaries({}, optional={name: values(good) for name, good in fields.items()})
    more = st.dictionaries(
        st.sampled_from(["", "more", "\ud800", "x" * 300]),
        st.integers(0, len(HOSTILE) - 1).map(_hostile),
        max_size=1,
    )
    return st.builds(lambda own, other: {**other, **own}, known, st.just({}) | more)


def _hostile(number: int) -> Any:
    # Not `sampled_from`: hypothesis would print all of them.
    return HOSTILE[number]


def to_text(value: Any, *, ascii_only: bool = False) -> str:
    """The JSON of a value, with its raw parts."""
    return re.sub(f'"{RAW}([^"]*)"', r"\1", json.dumps(value, ensure_ascii=ascii_only))


def texts(inputs: st.SearchStrategy[Any]) -> st.SearchStrategy[str]:
    """JSON texts of such inputs: whole half of the time, else broken at any place."""
    whole = st.builds(to_text, inputs, ascii_only=st.booleans())
    return whole | broken(whole.map(encoded)).map(lambda data: data.decode(errors="surrogateescape"))


def encoded(text: str) -> bytes:
    """The bytes of a text that may have half a surrogate pair."""
    return text.encode(errors="surrogatepass")


def broken(whole: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Bytes of which spans are cut out, said twice, or written over."""
    changes = st.lists(
        st.tuples(st.integers(0, 400), st.integers(0, 40), st.sampled_from(["cut", "twice", "over"]), BYTES),
        max_size=3,
    )
    return st.builds(_changed, whole, changes)


def _changed(data: bytes, changes: Sequence[tuple[int, int, str, bytes]]) -> bytes:
    for start, length, how, with_ in changes:
        at = start % (len(data) + 1)
        span = data[at : at + length]
        data = data[:at] + {"cut": b"", "twice": span * 2, "over": with_}[how] + data[at + length :]
    return data
