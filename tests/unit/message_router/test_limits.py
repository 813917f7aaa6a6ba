"""Token buckets: which requests of a stream pass, and when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from message_router.limits import Limit, full_at, microseconds, parse_limit, retry_after_ms

NOW = microseconds(1_795_382_480.25)
limits = st.builds(Limit, st.floats(0.01, 1000), st.integers(1, 60))


def passes(limit, times):
    """The times of those requests that get a token."""
    state, passed = None, []
    for time in times:
        after = full_at(state, limit, time)
        if after is not None:
            state = after
            passed.append(time)
    return passed


def test_unused_bucket_allows_its_burst_at_once():
    assert len(passes(Limit(5, 20), [NOW] * 100)) == 20


def test_bucket_refills_token_by_token():
    limit = Limit(5, 20)
    emptied = [NOW] * 20
    assert len(passes(limit, [*emptied, NOW + 199_999])) == 20
    assert len(passes(limit, [*emptied, NOW + 200_000, NOW + 200_000])) == 21
    assert len(passes(limit, [*emptied, *[NOW + 1_000_000] * 9])) == 25


def test_bucket_never_holds_more_than_its_burst():
    day_later = NOW + microseconds(86_400)
    assert len(passes(Limit(5, 20), [NOW, *[day_later] * 50])) == 21


@given(limits, st.lists(st.integers(0, 3_000_000), max_size=200))
def test_no_interval_passes_more_than_rate_and_burst(limit, gaps):
    times, at = [], NOW
    for gap in gaps:
        at += gap % (3 * limit.interval)
        times.append(at)
    passed = passes(limit, times)
    for first in range(len(passed)):
        for last in range(first, len(passed)):
            seconds = (passed[last] - passed[first]) / 1e6
            assert last - first + 1 <= limit.rate * seconds + limit.burst + 1e-6


@given(limits, st.integers(0, 200))
def test_request_passes_after_retry_after_and_not_before(limit, earlier):
    state = None
    for _ in range(limit.burst):
        state = full_at(state, limit, NOW - earlier)
    wait = retry_after_ms(state, limit, NOW)
    assert full_at(state, limit, NOW + wait * 1000) is not None
    if wait > 1:
        assert full_at(state, limit, NOW + (wait - 1) * 1000) is None


def test_clock_that_goes_back_adds_no_tokens():
    assert len(passes(Limit(1, 2), [NOW, NOW, NOW - 10_000_000, NOW])) == 2


@pytest.mark.parametrize(
    ("text", "limit"), [("5/20", Limit(5, 20)), ("0.5/1", Limit(0.5, 1)), ("10.125/40", Limit(10.125, 40))]
)
def test_parse_limit_reads_rate_and_burst(text, limit):
    assert parse_limit(text) == limit


@pytest.mark.parametrize(
    "text", ["", "5", "5/", "/5", "0/5", "5/0", "-1/5", "5/20/1", "a/b", "5 / 20", "1e3/5", "5/1.5"]
)
def test_parse_limit_rejects_anything_else(text):
    with pytest.raises(ValueError, match=r".*"):
        parse_limit(text)
