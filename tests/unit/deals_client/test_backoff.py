"""Back-off: growing, jittered, and spread over many clients."""

import random
from collections import Counter

from deals_client.backoff import Backoff, refused_delay
from deals_client.options import Options


def delays(count, draw):
    backoff = Backoff(Options(), draw)
    return [backoff.next_delay() for _ in range(count)]


def test_limit_doubles_to_the_cap_and_to_a_longer_one_from_the_eighth_failure():
    almost_one = 1 - 1e-9
    assert [round(delay) for delay in delays(10, lambda: almost_one)] == [
        2,
        4,
        8,
        16,
        30,
        30,
        30,
        120,
        120,
        120,
    ]


def test_reset_begins_a_new_row():
    backoff = Backoff(Options(), lambda: 0.5)
    first = [backoff.next_delay() for _ in range(3)]
    backoff.reset()
    assert [backoff.next_delay() for _ in range(3)] == first == [1, 2, 4]


def test_five_hundred_clients_do_not_come_back_at_once():
    dice = random.Random(7)
    first = [delays(1, dice.random)[0] for _ in range(500)]
    per_tenth = Counter(int(delay * 10) for delay in first)
    assert max(per_tenth.values()) < 3 * 500 / 20
    assert len(per_tenth) == 20


def test_refusals_without_a_status_wait_ten_seconds_to_five_minutes():
    assert refused_delay(5, lambda: 0.0) == 10
    assert refused_delay(5, lambda: 1.0) == 20
    assert refused_delay(99, lambda: 1.0) == 300
