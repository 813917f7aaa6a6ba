"""`deals_ops index`: compares the index with the tables, repairs it, and rebuilds it."""

from __future__ import annotations

import asyncio
import time

import pytest
import redis

from local_cloud.client import WAIT_SECONDS
from tests.e2e.subscribers import SUBSCRIBER_COUNT, Subscribers

# The first of these tests may wait for the stack, and a first apply for the cache takes minutes.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture
async def subscribers(redis_stack, topic, user, redis_operator):
    """Subscribers that are in the index."""
    async with Subscribers.connected(redis_stack, topic, user) as subscribers:
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            result = await asyncio.to_thread(redis_operator.run, "index", "check", "--json")
            if result.exit_code == 0 and result.data["members"] > SUBSCRIBER_COUNT:
                break
            assert time.monotonic() < deadline, result
        yield subscribers


@pytest.fixture
def server(redis_stack):
    access = redis_stack.stack.redis
    return redis.Redis.from_url(access.url, decode_responses=True, **access.options())


def remove_from_index(server, connection_id):
    """Remove a member from its groups in the index; return their number."""
    return sum(server.zrem(key, connection_id) for key in server.scan_iter("deals:g:*"))


async def test_check_finds_differences_and_repairs_them_if_requested(redis_operator, subscribers, server):
    lost = await subscribers.even.connection_id()
    assert remove_from_index(server, lost) == 1

    difference = (await redis_operator.expect("index", "check", "--json", code=1)).data
    assert (difference["outcome"], difference["missing"], difference["extra"], difference["repaired"]) == (
        "different",
        1,
        0,
        0,
    )

    repair = (await redis_operator.expect("index", "check", "--repair", "--json", code=1)).data
    assert (repair["missing"], repair["repaired"]) == (1, 1)
    assert "equal" in (await redis_operator.expect("index", "check")).out

    sample = (await redis_operator.expect("index", "check", "--groups", "1", "--json")).data
    assert (sample["outcome"], sample["shards"] < difference["shards"]) == ("equal", True)
    assert remove_from_index(server, lost) == 1


async def test_rebuild_replaces_the_index_when_confirmed(redis_operator, subscribers, server):
    epoch = server.hget("deals:meta", "epoch")
    server.zadd("deals:g:rubbish#0", {"stranger": time.time() + 3600})

    assert "repeat the command with --yes" in (await redis_operator.expect("index", "rebuild", code=6)).err
    assert server.hget("deals:meta", "epoch") == epoch
    rebuild = (await redis_operator.expect("index", "rebuild", "--yes", "--json")).data
    assert (rebuild["outcome"], rebuild["members"] > SUBSCRIBER_COUNT) == ("ready", True)
    assert server.hget("deals:meta", "epoch") != epoch
    assert not server.exists("deals:g:rubbish#0")
    assert (await redis_operator.expect("index", "check", "--json")).data["outcome"] == "equal"


async def test_a_failed_check_exits_with_1_and_the_reason(redis_operator, redis_stack, subscribers):
    redis_stack.control("redis", {"state": "cut"})
    try:
        result = await redis_operator.expect("index", "check", "--json", code=1)
    finally:
        redis_stack.control("redis", {"state": "open"})
    assert result.data["outcome"] == "failed"
    assert result.data["reason"].startswith("Redis: ")
