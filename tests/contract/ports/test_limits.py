"""`Limiter`, by DynamoDB, by Redis and in memory."""

import time

import pytest

from message_router.limiter_dynamodb import DynamoLimiter
from message_router.limiter_redis import TAKE, RedisLimiter
from message_router.limits import Limit
from message_router.memory import MemoryLimiter
from realtime_core.errors import RateLimited, StoreUnavailable
from realtime_core.redis.client import Breaker
from tests.contract.ports.cases import NOW, at_once
from tests.contract.ports.clouds import before_next, watching
from tests.contract.ports.index_harness import Clock, operator, redis_client

LIMIT = Limit(5, 20)


@pytest.fixture(params=["dynamodb", "redis", "memory"])
def processes(request):
    """Makes limiters that share their buckets, as the function's processes do."""
    if request.param == "memory":
        shared = MemoryLimiter()
        return lambda: shared
    if request.param == "redis":
        server = request.getfixturevalue("redis_server")
        return lambda: RedisLimiter(redis_client(server, [TAKE], user="message_router", answer_seconds=5.0))
    dynamodb = request.getfixturevalue("dynamodb")
    return lambda: DynamoLimiter(dynamodb, "limits")


@pytest.fixture
def limiter(processes):
    return processes()


def took(limiter, times, now=NOW, limit=LIMIT, bucket="ann#sendMessage"):
    """How many of so many tries get a token."""
    passed = 0
    for _ in range(times):
        try:
            limiter.take(bucket, limit, now)
        except RateLimited:
            continue
        passed += 1
    return passed


def test_take_passes_the_burst_then_the_rate(limiter):
    assert took(limiter, 25) == 20
    assert took(limiter, 5, NOW + 0.2) == 1
    assert took(limiter, 9, NOW + 1) == 4
    assert took(limiter, 99, NOW + 100) == 20


def test_take_says_when_there_is_a_token_again(limiter):
    took(limiter, 20)
    with pytest.raises(RateLimited) as refused:
        limiter.take("ann#sendMessage", LIMIT, NOW + 0.05)
    assert refused.value.retry_after_ms == 150
    assert took(limiter, 1, NOW + 0.05 + 0.150) == 1


def test_buckets_do_not_touch_each_other(limiter):
    took(limiter, 20)
    assert took(limiter, 1, bucket="ann#others") == 1
    assert took(limiter, 1, bucket="ben#sendMessage") == 1


def test_processes_share_a_bucket(processes):
    assert took(processes(), 12) + took(processes(), 12) == 20


def test_a_process_that_has_not_seen_the_bucket_for_long_learns_of_it(processes):
    one, other = processes(), processes()
    assert took(one, 20) == 20
    assert took(other, 20, NOW + 4) == 20
    assert took(one, 20, NOW + 4) == 0
    assert took(one, 20, NOW + 8) == 20


@pytest.mark.parametrize("seconds", [0, 0.1])
def test_threads_of_many_processes_get_no_more_than_rate_and_burst(processes, seconds):
    limit = Limit(10, 7)

    def request(n):
        limiter, moment = processes(), NOW + seconds * n / 24
        return lambda: limiter.take("ann#others", limit, moment)

    results = at_once(*map(request, range(24)))
    assert {type(one) for one in results} == {type(None), RateLimited}
    passed = sum(one is None for one in results)
    assert 6 <= passed <= limit.burst + limit.rate * seconds


def test_take_where_another_process_takes_the_last_token_meanwhile_is_refused(dynamodb):
    one, other = DynamoLimiter(dynamodb, "limits"), DynamoLimiter(dynamodb, "limits")
    limit = Limit(1, 1)
    with (
        before_next(dynamodb, "UpdateItem", lambda: other.take("ann#others", limit, NOW)),
        pytest.raises(RateLimited),
    ):
        one.take("ann#others", limit, NOW)


def test_take_from_a_bucket_that_was_swept_is_from_a_full_one(dynamodb):
    limiter, limit = DynamoLimiter(dynamodb, "limits"), Limit(1, 2)
    limiter.take("ann#others", limit, NOW)
    dynamodb.delete_item(TableName="limits", Key={"bucket": {"S": "ann#others"}})
    assert took(limiter, 3, NOW, limit, "ann#others") == 2


def test_take_is_one_write_however_fast_within_a_process(dynamodb):
    limiter = DynamoLimiter(dynamodb, "limits")
    with watching(dynamodb) as watch:
        took(limiter, 30)
    assert (watch.reads, watch.writes) == (0, 30)


def test_take_is_one_write_at_any_pace_that_the_rate_allows_and_two_at_most(dynamodb):
    one, other = DynamoLimiter(dynamodb, "limits"), DynamoLimiter(dynamodb, "limits")
    with watching(dynamodb) as watch:
        for n in range(10):
            (one, other)[n % 2].take("ann#sendMessage", LIMIT, NOW + n * 0.2)
    assert watch.writes == 10
    with watching(dynamodb) as watch:
        DynamoLimiter(dynamodb, "limits").take("ann#sendMessage", LIMIT, NOW + 1.8)
    assert watch.writes == 2, "another process's burst is learned of by a refusal"


def test_bucket_is_swept_only_when_it_is_full_again(dynamodb):
    limiter, slow = DynamoLimiter(dynamodb, "limits"), Limit(0.01, 60)
    took(limiter, 60, limit=slow)
    item = dynamodb.get_item(TableName="limits", Key={"bucket": {"S": "ann#sendMessage"}})["Item"]
    assert int(item["expires_at"]["N"]) * 1_000_000 > int(item["full_at"]["N"])


def test_bucket_in_redis_is_swept_only_when_it_is_full_again(redis_server):
    limiter, slow = RedisLimiter(redis_client(redis_server, [TAKE], user="message_router")), Limit(0.01, 60)
    assert took(limiter, 61, limit=slow) == 60
    with operator(redis_server) as redis:
        full_at = int(redis.get("deals:l:ann#sendMessage"))
        assert full_at == (NOW + 6000) * 1_000_000
        assert redis.pttl("deals:l:ann#sendMessage") > 6_000_000
        redis.delete("deals:l:ann#sendMessage")
    assert took(limiter, 61, limit=slow) == 60


def test_redis_that_does_not_answer_is_left_alone_for_a_while(own_redis):
    clock = Clock(0.0)
    limiter = RedisLimiter(redis_client(own_redis, [TAKE], user="message_router"), Breaker(clock))
    limiter.take("ann#others", LIMIT, NOW)
    own_redis.pause()
    with pytest.raises(StoreUnavailable, match="no answer"):
        limiter.take("ann#others", LIMIT, NOW)
    started = time.monotonic()
    for _ in range(20):
        with pytest.raises(StoreUnavailable, match="left alone"):
            limiter.take("ann#others", LIMIT, NOW)
    assert time.monotonic() - started < 0.1
    own_redis.resume()
    clock.now = 2.0
    limiter.take("ann#others", LIMIT, NOW)
    limiter.take("ann#others", LIMIT, NOW)
