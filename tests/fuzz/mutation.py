"""Byte fuzzing: inputs made from earlier ones by changes drawn from a seed, ten times as fast as by grammar.

An input whose outcome is new is kept and changed further, so a run finds its way past the first check.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.fuzz.forms import encoded_leniently, from_token, to_bytes, to_token
from tests.fuzz.good_inputs import GOOD
from tests.fuzz.grammar import HOSTILE, encoded, to_text
from tests.fuzz.targets import CORPUS, TARGETS

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

SIZE_MAX = 64 * 1024
"""Of an input, in bytes; a span that is repeated grows it so far."""
KEPT_MAX = 2_000
GRAMMAR_EXAMPLES = 200
GOOD_SHARES = 20
"""How often good input counts, beside so many examples that are mostly bad."""
_REPEATED_SHARE = 0.01
"""Of the changes: an input of 64 KB takes as long as hundreds of others."""
# What belongs together in JSON, headers, tokens and Redis's protocol.
_TOKEN = re.compile(
    rb'"(?:[^"\\\r\n]|\\.){0,80}"|-?\d+(?:\.\d+)?|true|false|null|[A-Za-z_-]{2,40}|\r\n|[{}\[\]:,]'
)
_NUMBERS = (b"0", b"-1", b"1e400", b"9" * 25, b"1" + b"0" * 5000, b"NaN", b"-0.0", b"2.5")
_PIECES = (
    b"",
    b"\x00",
    b"\xff",
    b"\xed\xa0\x80",
    b"\\ud800",
    b"\\",
    b'"',
    b"\n",
    b"\r\n",
    b"\r\n\r\n",
    b"[" * 70,
    b"=",
)


def seeds(name: str, first: int) -> list[bytes]:
    """Good input, examples of a reader's grammar and what once broke it; the same for the same `first`."""
    found = [encoded_leniently(entry["input"]) for entry in CORPUS if entry["reader"] == name]
    found += GOOD[name] * GOOD_SHARES

    @seed(first)
    @settings(
        max_examples=GRAMMAR_EXAMPLES,
        phases=[Phase.generate],
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(TARGETS[name].inputs)
    def collect(data: Any) -> None:
        found.append(to_bytes(data))
        if TARGETS[name].form is to_token:
            found.append(from_token(data))

    collect()
    return found


class Mutator:
    """Draws inputs by changing what it holds; `keep` adds one whose outcome is new."""

    def __init__(self, inputs: list[bytes], draw: random.Random) -> None:
        self._inputs, self._draw, self._outcomes = inputs, draw, set[object]()
        words = {word for data in inputs for word in _TOKEN.findall(data)}
        hostile = {encoded(to_text(value)) for value in HOSTILE} | {
            encoded(to_text(value, ascii_only=True)) for value in HOSTILE
        }
        self._words = [*sorted(words), *sorted(hostile), *_NUMBERS]

    def inputs(self, count: int) -> Iterator[bytes]:
        """Yield so many inputs."""
        for _ in range(count):
            yield self._change(self._draw.choice(self._inputs))

    def keep(self, data: bytes, outcome: object) -> None:
        """Remember an input if no other had its outcome."""
        if outcome in self._outcomes or len(data) > SIZE_MAX // 8:
            return
        self._outcomes.add(outcome)
        if len(self._inputs) < KEPT_MAX:
            self._inputs.append(data)

    def _change(self, data: bytes) -> bytes:
        draw = self._draw
        for _ in range(draw.choice((0, 1, 1, 2, 3))):
            data = self._replace_word(data)
        for _ in range(draw.choice((0, 0, 0, 1, 1, 2))):
            data = self._change_bytes(data)
        if draw.random() < _REPEATED_SHARE:
            start = draw.randrange(len(data) + 1)
            span = data[start : start + draw.choice((1, 2, 8, 40))]
            times = draw.choice((64, 1_000, SIZE_MAX)) // max(1, len(span))
            data = data[:start] + span * times + data[start:]
        return data[:SIZE_MAX]

    def _replace_word(self, data: bytes) -> bytes:
        start = self._draw.randrange(len(data) + 1)
        found = _TOKEN.search(data, start)
        if found is None:
            return data
        return data[: found.start()] + self._draw.choice(self._words) + data[found.end() :]

    def _change_bytes(self, data: bytes) -> bytes:
        draw = self._draw
        start = draw.randrange(len(data) + 1)
        end = start + draw.choice((0, 1, 1, 2, 8, 40))
        match draw.randrange(5):
            case 0:
                return data[:start] + data[end:]
            case 1:
                return data[:start] + data[start:end] * 2 + data[end:]
            case 2:
                return data[:start] + draw.choice(_PIECES) + data[end:]
            case 3:
                return data[:start] + bytes([draw.randrange(256)]) + data[start + 1 :]
            case _:
                other = draw.choice(self._inputs)
                return data[:start] + other[draw.randrange(len(other) + 1) :]
