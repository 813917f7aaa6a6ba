"""Token buckets: how many of a stream of requests pass, and when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from message_router.limits import Limit, full_at, microseconds, parse_limit, retry_after_ms

NOW = microseconds(1_795_382_480.25)
limits = st.builds(Limit, st.floats(0.01, 1000), st.integers(1, 60))


def passes(limit, moments):
    """Which of the requests at these moments take a token."""
    state, passed = None, []
    for moment in moments:
        after = full_at(state, limit, moment)
        if after is not None:
            state = after
            passed.append(moment)
    return passed


def test_bucket_that_was_never_used_gives_its_burst_at_once():
    assert len(passes(Limit(5, 20), [NOW] * 100)) == 20


def test_bucket_refills_one_token_after_the_other():
    limit = Limit(5, 20)
    emptied = [NOW] * 20
    assert len(passes(limit, [*emptied, NOW + 199_999])) == 20
    assert len(passes(limit, [*emptied, NOW + 200_000, NOW + 200_000])) == 21
    assert len(passes(limit, [*emptied, *[NOW + 1_000_000] * 9])) == 25


def test_bucket_never_holds_more_than_its_burst():
    day_later = NOW + microseconds(86_400)
    assert len(passes(Limit(5, 20), [NOW, *[day_later] * 50])) == 21


@given(limits, st.lists(st.integers(0, 3_000_000), max_size=200))
def test_no_span_of_time_sees_more_than_the_rate_and_the_burst(limit, gaps):
    moments, at = [], NOW
    for gap in gaps:
        at += gap % (3 * limit.interval)
        moments.append(at)
    passed = passes(limit, moments)
    for first in range(len(passed)):
        for last in range(first, len(passed)):
            seconds = (passed[last] - passed[first]) / 1e6
            assert last - first + 1 <= limit.rate * seconds + limit.burst + 1e-6


@given(limits, st.integers(0, 200))
def test_a_request_repeated_after_the_time_named_passes_and_not_before(limit, earlier):
    state = None
    for _ in range(limit.burst):
        state = full_at(state, limit, NOW - earlier)
    wait = retry_after_ms(state, limit, NOW)
    assert full_at(state, limit, NOW + wait * 1000) is not None
    if wait > 1:
        assert full_at(state, limit, NOW + (wait - 1) * 1000) is None


def test_a_clock_that_goes_back_gives_nothing_away():
    assert len(passes(Limit(1, 2), [NOW, NOW, NOW - 10_000_000, NOW])) == 2


@pytest.mark.parametrize(
    ("text", "limit"), [("5/20", Limit(5, 20)), ("0.5/1", Limit(0.5, 1)), ("10.125/40", Limit(10.125, 40))]
)
def test_parse_limit_of_a_setting(text, limit):
    assert parse_limit(text) == limit


@pytest.mark.parametrize(
    "text", ["", "5", "5/", "/5", "0/5", "5/0", "-1/5", "5/20/1", "a/b", "5 / 20", "1e3/5", "5/1.5"]
)
def test_parse_limit_refuses_what_is_none(text):
    with pytest.raises(ValueError, match=r".*"):
        parse_limit(text)
