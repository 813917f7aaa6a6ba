"""`Limiter` on DynamoDB, on Redis and in memory."""

import pytest

from message_router.limiter_dynamodb import DynamoLimiter
from message_router.limiter_redis import TAKE, RedisLimiter
from message_router.limits import Limit
from message_router.memory import MemoryLimiter
from realtime_core.errors import RateLimited, StoreUnavailable
from realtime_core.redis.circuit_breaker import CircuitBreaker
from tests.contract.support.cases import NOW, at_once
from tests.contract.support.index_harness import Clock, operator, redis_client
from tests.contract.support.watched_clients import before_next, watching

LIMIT = Limit(5, 20)


@pytest.fixture(params=["dynamodb", "redis", "memory"])
def processes(request):
    """Creates limiters that share their buckets, as the function's processes do."""
    if request.param == "memory":
        shared = MemoryLimiter()
        return lambda: shared
    if request.param == "redis":
        server = request.getfixturevalue("redis_server")
        return lambda: RedisLimiter(redis_client(server, [TAKE], user="message_router", reply_seconds=5.0))
    dynamodb = request.getfixturevalue("dynamodb")
    return lambda: DynamoLimiter(dynamodb, "limits")


@pytest.fixture
def limiter(processes):
    return processes()


def took(limiter, times, now=NOW, limit=LIMIT, bucket="ann#sendMessage"):
    """How many of `times` attempts get a token."""
    passed = 0
    for _ in range(times):
        try:
            limiter.take(bucket, limit, now)
        except RateLimited:
            continue
        passed += 1
    return passed


def test_take_allows_the_burst_then_the_rate(limiter):
    assert took(limiter, 25) == 20
    assert took(limiter, 5, NOW + 0.2) == 1
    assert took(limiter, 9, NOW + 1) == 4
    assert took(limiter, 99, NOW + 100) == 20


def test_take_raises_with_the_time_until_the_next_token(limiter):
    took(limiter, 20)
    with pytest.raises(RateLimited) as refused:
        limiter.take("ann#sendMessage", LIMIT, NOW + 0.05)
    assert refused.value.retry_after_ms == 150
    assert took(limiter, 1, NOW + 0.05 + 0.150) == 1


def test_buckets_are_independent(limiter):
    took(limiter, 20)
    assert took(limiter, 1, bucket="ann#others") == 1
    assert took(limiter, 1, bucket="ben#sendMessage") == 1


def test_processes_share_a_bucket(processes):
    assert took(processes(), 12) + took(processes(), 12) == 20


def test_process_with_an_outdated_bucket_reads_it_again(processes):
    first, second = processes(), processes()
    assert took(first, 20) == 20
    assert took(second, 20, NOW + 4) == 20
    assert took(first, 20, NOW + 4) == 0
    assert took(first, 20, NOW + 8) == 20


@pytest.mark.parametrize("seconds", [0, 0.1])
def test_concurrent_takes_get_no_more_than_rate_and_burst(processes, seconds):
    limit = Limit(10, 7)

    def request(n):
        limiter, time_of_call = processes(), NOW + seconds * n / 24
        return lambda: limiter.take("ann#others", limit, time_of_call)

    results = at_once(*map(request, range(24)))
    assert {type(result) for result in results} == {int, RateLimited}
    passed = results.count(0)
    assert 6 <= passed <= limit.burst + limit.rate * seconds


def test_mark_is_seen_by_whoever_takes_a_token_next(processes):
    first, second = processes(), processes()
    assert first.take("ann#sendMessage", LIMIT, NOW) == 0
    second.mark("ann#sendMessage", NOW + 7200)
    for number in range(30):
        taker = (first, second)[number % 2]
        assert taker.take("ann#sendMessage", LIMIT, NOW + 1 + number / 5) == NOW + 7200
    assert first.take("ann#others", LIMIT, NOW) == 0
    assert first.take("ben#sendMessage", LIMIT, NOW) == 0


def test_bucket_that_was_marked_before_it_was_used_is_full(processes):
    processes().mark("ann#sendMessage", NOW + 7200)
    limiter = processes()
    assert took(limiter, 25) == 20
    assert limiter.take("ann#sendMessage", LIMIT, NOW + 100) == NOW + 7200


def test_marked_bucket_expires_neither_before_the_mark_nor_before_it_is_full(dynamodb):
    limiter, slow = DynamoLimiter(dynamodb, "limits"), Limit(0.001, 60)

    def expires_at(bucket):
        item = dynamodb.get_item(TableName="limits", Key={"bucket": {"S": bucket}})["Item"]
        return int(item["expires_at"]["N"])

    limiter.mark("ann#sendMessage", NOW + 7200)
    assert expires_at("ann#sendMessage") > NOW + 7200
    took(limiter, 60, limit=slow, bucket="ben#sendMessage")
    full = expires_at("ben#sendMessage")
    limiter.mark("ben#sendMessage", NOW + 7200)
    assert expires_at("ben#sendMessage") == full


def test_bucket_that_is_used_outlives_the_marks_of_connections_that_are_open(dynamodb):
    """A mark is for two hours, and a later use sets when the bucket expires."""
    limiter = DynamoLimiter(dynamodb, "limits")
    limiter.mark("ann#sendMessage", NOW + 7200)
    limiter.take("ann#sendMessage", LIMIT, NOW)
    item = dynamodb.get_item(TableName="limits", Key={"bucket": {"S": "ann#sendMessage"}})["Item"]
    assert int(item["expires_at"]["N"]) > NOW + 7200


def test_take_raises_if_another_process_has_taken_the_last_token(dynamodb):
    first, second = DynamoLimiter(dynamodb, "limits"), DynamoLimiter(dynamodb, "limits")
    limit = Limit(1, 1)
    with (
        before_next(dynamodb, "UpdateItem", lambda: second.take("ann#others", limit, NOW)),
        pytest.raises(RateLimited),
    ):
        first.take("ann#others", limit, NOW)


def test_take_from_an_expired_bucket_finds_it_full(dynamodb):
    limiter, limit = DynamoLimiter(dynamodb, "limits"), Limit(1, 2)
    limiter.take("ann#others", limit, NOW)
    dynamodb.delete_item(TableName="limits", Key={"bucket": {"S": "ann#others"}})
    assert took(limiter, 3, NOW, limit, "ann#others") == 2


def test_take_is_one_write_within_a_process_at_any_rate(dynamodb):
    limiter = DynamoLimiter(dynamodb, "limits")
    with watching(dynamodb) as watch:
        took(limiter, 30)
    assert (watch.reads, watch.writes) == (0, 30)


def test_take_is_one_write_within_the_rate_and_two_at_most(dynamodb):
    first, second = DynamoLimiter(dynamodb, "limits"), DynamoLimiter(dynamodb, "limits")
    with watching(dynamodb) as watch:
        for n in range(10):
            (first, second)[n % 2].take("ann#sendMessage", LIMIT, NOW + n * 0.2)
    assert watch.writes == 10
    with watching(dynamodb) as watch:
        DynamoLimiter(dynamodb, "limits").take("ann#sendMessage", LIMIT, NOW + 1.8)
    assert watch.writes == 2, "the failed condition returns the bucket of another process"


def test_bucket_expires_only_after_it_is_full(dynamodb):
    limiter, slow = DynamoLimiter(dynamodb, "limits"), Limit(0.01, 60)
    took(limiter, 60, limit=slow)
    item = dynamodb.get_item(TableName="limits", Key={"bucket": {"S": "ann#sendMessage"}})["Item"]
    assert int(item["expires_at"]["N"]) * 1_000_000 > int(item["full_at"]["N"])


def test_bucket_in_redis_expires_only_after_it_is_full(redis_server):
    limiter, slow = RedisLimiter(redis_client(redis_server, [TAKE], user="message_router")), Limit(0.01, 60)
    assert took(limiter, 61, limit=slow) == 60
    with operator(redis_server) as redis:
        full_at = int(redis.get("deals:l:ann#sendMessage"))
        assert full_at == (NOW + 6000) * 1_000_000
        assert redis.pttl("deals:l:ann#sendMessage") > 6_000_000
        redis.delete("deals:l:ann#sendMessage")
    assert took(limiter, 61, limit=slow) == 60


def test_circuit_breaker_opens_if_redis_does_not_reply(own_redis):
    clock = Clock(0.0)
    limiter = RedisLimiter(redis_client(own_redis, [TAKE], user="message_router"), CircuitBreaker(clock))
    limiter.take("ann#others", LIMIT, NOW)
    own_redis.pause()
    with pytest.raises(StoreUnavailable, match="no reply"):
        limiter.take("ann#others", LIMIT, NOW)
    for _ in range(20):
        with pytest.raises(StoreUnavailable, match="not called after a fault"):
            limiter.take("ann#others", LIMIT, NOW)
    own_redis.resume()
    clock.now = 2.0
    limiter.take("ann#others", LIMIT, NOW)
    limiter.take("ann#others", LIMIT, NOW)
