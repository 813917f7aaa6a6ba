"""Identifiers."""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_core.ids import event_entropy, group_id, new_message_id, shard_of
from realtime_core.wire.fields import IDENTIFIER

TIMES = st.integers(0, 2**48 - 1)
ENTROPY = st.binary(min_size=10, max_size=16)


def test_new_message_id_is_the_ulid_of_its_parts():
    # The example of the ULID specification's reference implementation: this time is 01ARYZ6S41.
    assert new_message_id(1_469_918_176_385, bytes(10)) == "01ARYZ6S41" + "0" * 16
    assert new_message_id(2**48 - 1, b"\xff" * 10) == "7" + "Z" * 25


def test_new_message_id_is_of_a_time_of_48_bits():
    assert new_message_id(0, bytes(10)) == "0" * 26
    for outside in (-1, 2**48):
        with pytest.raises(ValueError, match=f"from 0 to {2**48 - 1}, not {outside}"):
            new_message_id(outside, bytes(10))
    with pytest.raises(ValueError, match="at least 10 bytes, not 9"):
        new_message_id(0, bytes(9))


@given(TIMES, TIMES, ENTROPY, ENTROPY)
def test_new_message_ids_sort_by_time(earlier, later, entropy, other_entropy):
    earlier, later = sorted((earlier, later))
    first, second = new_message_id(earlier, entropy), new_message_id(later, other_entropy)
    assert first < second or earlier == later
    assert IDENTIFIER.fullmatch(first)
    assert len(first) == len(second) == 26


@given(TIMES, ENTROPY, ENTROPY)
def test_new_message_ids_of_the_same_time_differ_by_entropy(now, entropy, other_entropy):
    same = entropy[:10] == other_entropy[:10]
    assert (new_message_id(now, entropy) == new_message_id(now, other_entropy)) is same


@pytest.mark.parametrize(("now", "entropy"), [(0, bytes(9)), (-1, bytes(10)), (2**48, bytes(10))])
def test_new_message_id_rejects_invalid_input(now, entropy):
    with pytest.raises(ValueError, match="must be"):
        new_message_id(now, entropy)


def test_event_entropy_is_the_same_only_for_the_same_event():
    ids = {new_message_id(5, event_entropy(event_id)) for event_id in ("e-1", "e-1", "e-2")}
    assert len(ids) == 2


@given(st.text("ab\n.-", max_size=4), st.text("ab\n.-", max_size=4), st.text("ab", max_size=4))
def test_group_id_is_short_and_separates_topic_from_filter(topic, other, text):
    identifier = group_id(topic, text)
    assert re.fullmatch(r"[A-Za-z0-9_-]{20}", identifier)
    assert (identifier == group_id(other, text)) is (topic == other)


def test_group_id_keeps_topic_and_filter_apart():
    assert group_id("a", "{}") != group_id("a{", "}")


def test_shard_of_is_the_same_in_every_process():
    shard, group = "shard_of('L0SM9cOFvHcCIhw=', 1000)", "group_id('t', '{}')"
    code = f"from realtime_core.ids import *; print({shard}, {group})"
    environment = {"PYTHONPATH": str(Path(__file__).parents[3] / "lambdas"), "PYTHONHASHSEED": "1"}
    process = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert process.stdout.split() == [str(shard_of("L0SM9cOFvHcCIhw=", 1000)), group_id("t", "{}")]


def test_shard_of_distributes_evenly():
    counts = Counter(shard_of(f"L0SM9c{number:05}Ihw=", 8) for number in range(8000))
    assert set(counts) == set(range(8))
    assert max(counts.values()) < 1200
