"""A short run of the fuzzer, the same each time; `make fuzz` runs as many cases as asked for."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz import targets
from tests.fuzz.targets import TARGETS, Target, as_read, call

CORPUS = json.loads((Path(targets.__file__).parent / "corpus.json").read_text("utf-8"))
CASES = 150


@pytest.mark.parametrize("name", TARGETS)
def test_reader_raises_nothing_but_its_own_error(name):
    accepted = []

    @settings(max_examples=CASES, deadline=None, derandomize=True, database=None)
    @given(TARGETS[name].inputs)
    def run(data):
        accepted.append(call(name, data))

    run()
    assert {True, False} == set(accepted), "the grammar makes only good input, or only bad"


@pytest.mark.parametrize("entry", CORPUS, ids=lambda entry: f"{entry['reader']}: {entry['found']}")
def test_what_once_broke_a_reader_is_read(entry):
    assert call(entry["reader"], as_read(entry["reader"], entry["input"])) is entry["accepted"]


# What has made parsers take quadratic time: repeated openings, escapes, digits, separators, names.
UNITS = {
    "lists": "[",
    "objects": '{"a":',
    "members": '{"a":1},',
    "texts": '"ab",',
    "names": '"ab":1,',
    "digits": "9",
    "escapes": "\\u00e9",
    "halves of pairs": "\\ud800",
    "letters": "\u00e9",
    "spaces": " ",
    "dots": "a.",
    "lines": "a: b\r\n",
    "chunks": "1\r\na\r\n",
    "commas": "a,",
    "replies": "*1\r\n",
}
SIZE, TIMES_MAX = 16_384, 9
"""Of an input, in characters; and how much longer one of four times that size may take: linear takes 4 times,
quadratic 16."""


def seconds(name, data):
    """The least processor time of several calls, which the load of the machine does not change."""
    measured = []
    for _ in range(5):
        started = time.thread_time()
        call(name, data)
        measured.append(time.thread_time() - started)
    return min(measured)


def grows_too_fast(name, small, large):
    # Less than a millisecond tells nothing of how it grows.
    return all(seconds(name, large) > max(0.001, TIMES_MAX * seconds(name, small)) for _ in range(3))


def inputs(name, unit, size):
    """Inputs of that size: the unit repeated where the template has room, bare and as a text of JSON."""
    repeated = unit * (size // len(unit))
    return [as_read(name, TARGETS[name].template.replace("%s", part)) for part in (repeated, f'"{repeated}"')]


@pytest.mark.parametrize("name", TARGETS)
def test_time_grows_with_the_size_of_the_input_and_no_faster(name):
    slow = [
        unit
        for unit, text in UNITS.items()
        for small, large in zip(inputs(name, text, SIZE), inputs(name, text, 4 * SIZE), strict=True)
        if grows_too_fast(name, small, large)
    ]
    assert slow == []


def test_quadratic_time_is_noticed(monkeypatch):
    def read(text):
        for start in range(0, len(text), 64):  # as if the rest were copied at each step
            for _ in range(start, len(text), 64):
                pass

    monkeypatch.setitem(TARGETS, "quadratic", Target(st.text(), read, ValueError))
    assert grows_too_fast("quadratic", "a" * SIZE, "a" * 4 * SIZE)
