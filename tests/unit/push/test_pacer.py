import pytest

from realtime_core.push.management_api.pacer import (
    BURST_SECONDS,
    CUT,
    DIRECT_BURST_SECONDS,
    FLOOR,
    Pacer,
)
from realtime_core.push.management_api.pool import size_for

STEP = 0.001


def drive(pacer, seconds, start=0.0, throttled_share=0.0):
    """Post whenever the pacer allows, with that share throttled. Returns the number of posts and the time."""
    posts, now, debt = 0, start, 0.0
    while now < start + seconds:
        while pacer.take(now):
            posts += 1
            debt += throttled_share
            throttled = debt >= 1
            debt -= throttled
            pacer.record(now, throttled=throttled)
        now += STEP
    return posts, now


@pytest.mark.parametrize(("posts", "most"), [(1, 1), (100, 35), (13_000, 400), (10**7, 400)])
def test_connections_are_at_most_four_hundred_whatever_there_is_to_post(posts, most):
    assert size_for(posts) <= most
    assert size_for(posts) == min(most, size_for(posts + 1))


@pytest.mark.parametrize("rate", [1, 50, 333, 5_000, 10_000])
def test_a_pacer_gives_its_rate_and_no_more(rate):
    posts, _ = drive(Pacer(rate), 10.0)
    assert 0.98 * rate * 10 <= posts <= rate * 10 + max(2, rate * 0.06)


def test_a_pause_saves_up_no_more_than_a_short_burst():
    pacer = Pacer(1_000)
    _, now = drive(pacer, 1.0)
    burst = 0
    while pacer.take(now + 60):
        burst += 1
    assert burst == 50


def test_the_wait_lasts_exactly_until_the_next_post():
    pacer = Pacer(10)
    assert pacer.take(0.0)
    assert not pacer.take(0.0)
    wait = pacer.wait(0.0)
    assert wait == pytest.approx(0.1)
    assert not pacer.take(wait * 0.99)
    assert pacer.take(wait * 1.01)


def test_throttling_lowers_the_rate_and_its_end_restores_it():
    pacer = Pacer(1_000)
    _, now = drive(pacer, 1.0)
    assert pacer.rate == 1_000
    _, now = drive(pacer, 0.25, now, throttled_share=0.5)
    assert pacer.rate <= 1_000 * CUT**2
    _, now = drive(pacer, 0.2, now)  # the last window with a 429 in it ends
    slowed = pacer.rate
    _, now = drive(pacer, 1.0, now)
    assert slowed < pacer.rate < 1_000
    drive(pacer, 10.0, now)
    assert pacer.rate == 1_000


def test_lasting_throttling_leaves_the_lowest_rate():
    pacer = Pacer(1_000)
    _, now = drive(pacer, 20.0, throttled_share=1.0)
    assert pacer.rate == 1_000 * FLOOR
    assert drive(pacer, 5.0, now, throttled_share=1.0)[0] >= 5 * 1_000 * FLOOR * 0.9


def test_a_few_clients_that_read_too_slowly_do_not_slow_down_the_rest():
    pacer = Pacer(1_000)
    drive(pacer, 10.0, throttled_share=0.01)
    assert pacer.rate == 1_000


@pytest.mark.parametrize("rate", [0, -1, float("nan")])
def test_a_rate_that_is_not_positive_is_refused(rate):
    with pytest.raises(ValueError, match="posts_per_second"):
        Pacer(rate)


def test_a_poster_to_a_few_never_waits_and_keeps_to_its_rate():
    """It posts only what it has tokens for; in each stretch of time that is its rate and one burst."""
    pacer, posted = Pacer(100, DIRECT_BURST_SECONDS), []
    for tick in range(20_000):
        now = tick * STEP
        if pacer.admits(7, now):
            assert all(pacer.take(now) for _ in range(7))
            posted += [now] * 7

    for start in range(0, 20, 4):
        for seconds in (1, 4):
            count = sum(start <= at < start + seconds for at in posted)
            assert count <= 100 * (seconds + DIRECT_BURST_SECONDS)
    assert len(posted) >= 20 * 100 - 7


def test_all_that_post_at_once_keep_to_the_budget():
    """Two instances of delivery, ten of broadcast, fifty of the router, with the shares of the stack."""
    budget = 10_000
    shares = (
        [(4_000, BURST_SECONDS)] * 2 + [(100, DIRECT_BURST_SECONDS)] * 10 + [(20, DIRECT_BURST_SECONDS)] * 50
    )
    pacers = [Pacer(rate, burst) for rate, burst in shares]
    assert sum(rate for rate, _ in shares) == budget

    posts = 0
    for tick in range(5_000):
        for pacer in pacers:
            while pacer.take(tick * STEP):
                posts += 1

    bursts = sum(rate * burst for rate, burst in shares)
    assert 0.98 * 5 * budget <= posts <= 5 * budget + bursts
    assert bursts <= 0.25 * budget


def test_a_poster_admits_no_more_than_its_burst():
    pacer = Pacer(20, DIRECT_BURST_SECONDS)
    assert pacer.admits(20, 0.0)
    assert not pacer.admits(21, 1_000.0)
