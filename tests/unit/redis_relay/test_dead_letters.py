"""Dead letters of channel messages that wait for Redis: bounded in number and size, the oldest go first."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from redis_relay.dead_letters import WAITING_BYTES_MAX, WAITING_MAX, DeadLetter, DeadLetterWriter
from redis_relay.run_report import RunReport


class Recording:
    """A connection that keeps what it is told; `before` is called before each write."""

    def __init__(self):
        self.written: list[str] = []
        self.before = lambda: None

    @asynccontextmanager
    async def pipeline(self, *, transaction):
        assert transaction
        yield self

    def xadd(self, _name, fields, **_options):
        self._added = fields["source"]

    async def execute(self):
        self.before()
        self.written.append(self._added)


@pytest.fixture
def redis():
    return Recording()


@pytest.fixture
def writer():
    return DeadLetterWriter(RunReport())


def add(writer, number, size=10):
    writer.add(DeadLetter(f"deals:{number}", b"x" * size, "why"))


async def test_the_oldest_go_when_a_thousand_wait(writer, redis):
    for number in range(WAITING_MAX + 3):
        add(writer, number)
    await writer.flush(redis)
    assert redis.written == [f"deals:{number}" for number in range(3, WAITING_MAX + 3)]


async def test_the_oldest_go_when_those_that_wait_are_large(writer, redis):
    fits = WAITING_BYTES_MAX // 250_000
    for number in range(fits + 5):
        add(writer, number, 250_000)
    await writer.flush(redis)
    assert redis.written == [f"deals:{number}" for number in range(5, fits + 5)]


async def test_what_is_added_during_a_write_costs_no_other(writer, redis):
    for number in range(WAITING_MAX):
        add(writer, number)
    redis.before = lambda: add(writer, WAITING_MAX) if not redis.written else None
    await writer.flush(redis)
    assert redis.written == [f"deals:{number}" for number in range(WAITING_MAX + 1)]


async def test_what_redis_does_not_take_waits(writer, redis):
    add(writer, 0)
    add(writer, 1)

    def fail():
        raise RedisConnectionError

    redis.before = fail
    with pytest.raises(RedisConnectionError):
        await writer.flush(redis)
    redis.before = lambda: None
    await writer.flush(redis)
    assert redis.written == ["deals:0", "deals:1"]
