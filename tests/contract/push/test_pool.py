"""The connections of the posting engine: how many, how many handshakes at once, and for how long."""

import socket
import time

import pytest

from realtime_core.aws.endpoint import Endpoint
from realtime_core.push.management_api.pool import Pool, size_for


@pytest.fixture
def silent():
    """A server that takes connections and never says a word: no handshake ends."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        yield listening


@pytest.mark.parametrize(
    ("posts", "connections"),
    [(1, 1), (2, 2), (13, 13), (100, 35), (101, 36), (10_000, 350), (13_061, 400), (10**6, 400)],
)
def test_size_is_near_the_square_root_of_the_posts(posts, connections):
    assert size_for(posts) == connections


def test_sixteen_handshakes_are_under_way_at_once(silent):
    pool = Pool(Endpoint.of(f"https://127.0.0.1:{silent.getsockname()[1]}"), 60.0)
    now = time.monotonic()
    pool.begin(10_000, now)
    pool.open_for(10_000, now)
    assert (len(pool._all), pool._opening, pool.may_grow) == (16, 16, False)
    pool.close()


def test_no_more_are_opened_than_posts_wait(silent):
    pool = Pool(Endpoint.of(f"https://127.0.0.1:{silent.getsockname()[1]}"), 60.0)
    now = time.monotonic()
    pool.begin(10_000, now)
    pool.open_for(3, now)
    assert (len(pool._all), pool.may_grow) == (3, True)
    pool.close()


def test_handshakes_that_take_too_long_are_given_up(silent):
    pool = Pool(Endpoint.of(f"https://127.0.0.1:{silent.getsockname()[1]}"), 2.0)
    pool.begin(100, 1_000.0)
    pool.open_for(1, 1_000.0)
    assert (pool.overdue(1_001.9), len(pool._all)) == ([], 1)
    assert (pool.overdue(1_002.0), len(pool._all), pool.failures) == ([], 0, 1)
    assert pool.last_failure
    pool.close()
