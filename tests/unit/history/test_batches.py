"""Events that a transaction stores together, and how long they are kept."""

from realtime_core.history.base import NewEvent, kept_until, new_tracking_id, split_batches

MB = 1024 * 1024


def sizes(*texts):
    return [len(batch) for batch in split_batches([NewEvent(str(at), text) for at, text in enumerate(texts)])]


def test_a_batch_is_filled_to_its_last_byte():
    assert sizes("x" * MB, "x" * MB, "x" * MB) == [3]
    assert sizes("x" * MB, "x" * MB, "x" * (MB + 1)) == [2, 1]
    assert sizes("x" * (4 * MB), "x", "x") == [1, 2]
    assert sizes("é" * MB, "é" * (MB // 2), "x") == [2, 1]


def test_a_batch_has_49_events_at_most_and_notifications_take_no_room():
    assert sizes(*[None] * 49) == [49]
    assert sizes(*[None] * 50) == [49, 1]
    assert sizes(None, "x" * 3 * MB, None) == [3]
    assert sizes() == []


def test_an_event_is_kept_until_its_end_but_a_day_at_least_and_90_at_most():
    at, day = 1_795_382_480, 86_400
    assert kept_until(at, None) == kept_until(at, at + 91 * day) == at + 90 * day
    assert kept_until(at, at + 5 * day) == at + 5 * day
    assert kept_until(at, at + day + 1) == at + day + 1
    assert kept_until(at, at + 1) == kept_until(at, 0) == at + day


def test_attempts_at_one_position_have_ids_of_their_own_that_rise_with_the_position():
    assert new_tracking_id(7, 1_795_382_480_123) == 7123
    assert new_tracking_id(7, 1_795_382_480_999) < new_tracking_id(8, 1_795_382_481_000)
