"""What an event may have overtaken: listing it, storing it, and finding it again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_core.history.overtaken import (
    BATCHES_MAX,
    NOTHING,
    InFlightBatch,
    Overtaken,
    PositionRange,
    decode_overtaken,
    encode_overtaken,
    is_overtaken,
    known_at_begin,
    new_batch_id,
    overtaken_by,
    ranges_to_read,
)

KNOWN = InFlightBatch(0, 40, 3)
UNKNOWN = InFlightBatch(new_batch_id(60, b"\1"))


def test_a_batch_id_holds_what_was_known_and_fits_a_number_of_dynamodb():
    batch = new_batch_id(1_795_382_480_000_000, b"\xff" * 6)
    assert known_at_begin(batch) == 1_795_382_480_000_000
    assert len(str(batch)) <= 38
    assert new_batch_id(7, b"\0") < new_batch_id(8, b"\0")


def test_an_event_overtakes_the_batches_that_may_be_below_it():
    above = InFlightBatch(new_batch_id(100, b"\1"))
    taken = overtaken_by(100, InFlightBatch(1, 100, 1), [KNOWN, UNKNOWN, above])
    assert taken == (40, (KNOWN, UNKNOWN))
    assert overtaken_by(40, InFlightBatch(1, 40, 1), [KNOWN]) == NOTHING
    assert overtaken_by(102, InFlightBatch(1, 100, 5), []) == (100, (InFlightBatch(1, 100, 2),))


def test_of_too_many_batches_only_the_lowest_position_is_known():
    others = [InFlightBatch(number, number, 1) for number in range(1, BATCHES_MAX + 2)]
    assert overtaken_by(100, InFlightBatch(1, 100, 1), others[:-1]).batches == tuple(others[:-1])
    assert overtaken_by(100, InFlightBatch(1, 100, 1), others) == (1, None)


def test_ranges_hold_what_was_overtaken_and_little_else():
    far = InFlightBatch(0, 500, 2)
    assert ranges_to_read(NOTHING, 9) == []
    assert ranges_to_read(Overtaken(40, (far, KNOWN)), 900) == [
        PositionRange(40, 42),
        PositionRange(500, 501),
    ]
    assert ranges_to_read(Overtaken(40, (KNOWN, UNKNOWN)), 100) == [PositionRange(40, 99)], (
        "near ones are one"
    )
    assert ranges_to_read(Overtaken(7, None), 10) == [PositionRange(7, 9)]
    assert ranges_to_read(Overtaken(40, (KNOWN,)), 41) == [PositionRange(40, 40)], "only what is below"


@pytest.mark.parametrize(
    ("position", "batch", "expected"),
    [(40, 0, True), (42, 0, True), (43, 0, False), (39, 0, False), (70, UNKNOWN.batch, True), (70, 5, False)],
)
def test_an_event_is_overtaken_by_its_position_or_its_batch(position, batch, expected):
    assert is_overtaken(Overtaken(40, (KNOWN, UNKNOWN)), position, batch) is expected
    assert is_overtaken(Overtaken(40, None), position, batch)


batches = st.builds(InFlightBatch, st.just(0), st.integers(1, 10**16), st.integers(1, 49)) | st.builds(
    InFlightBatch, st.integers(1, 10**31), st.none(), st.just(1)
)


@given(st.lists(batches, max_size=BATCHES_MAX) | st.none())
def test_what_is_stored_is_read_back(listed):
    overtaken = Overtaken(5, None if listed is None else tuple(listed))
    text = encode_overtaken(overtaken)
    assert len(text) <= BATCHES_MAX * 36
    assert decode_overtaken(5, text) == overtaken
