"""Faults of Redis of every kind while an event is read: DynamoDB answers instead, within a second."""

import socket
import threading
import time
from contextlib import contextmanager

import pytest

from realtime_core.ids import group_id
from realtime_core.redis.client import RedisClient
from realtime_core.redis.credentials import NoCredentials
from realtime_core.redis.health import Health
from realtime_core.redis.settings import RedisAddress
from tests.contract.support.cases import NOW, connection
from tests.contract.support.index_harness import IndexHarness, members, redis_client

FILTERS = [f'{{"x":{n}}}' for n in range(12)]


@pytest.fixture
def broken(dynamodb, own_redis):
    """A table with twelve groups of two, and its index in a Redis that a test may break."""
    harness = IndexHarness(dynamodb, own_redis, unnamed=True)
    for number in range(24):
        harness.connections.add(connection(f"c{number}"))
        harness.store.subscribe(f"c{number}", "a", FILTERS[number % 12], NOW)
    harness.project()
    harness.build()
    assert read(harness) == "redis"
    yield harness
    harness.close()


EXPECTED = {group_id("a", FILTERS[n]): sorted((f"c{n}", f"c{n + 12}")) for n in range(12)}


@contextmanager
def recorded_calls(client):
    """Yield a list that gets a boolean for each call of the client to Redis: whether it succeeded."""
    execute, calls = client.execute, []

    def recorded(commands):
        calls.append(False)
        replies = execute(commands)
        calls[-1] = True
        return replies

    client.execute = recorded
    yield calls
    client.execute = execute


def read(harness, reader=None, expected=EXPECTED):
    """Read the members, which must be right, and for which Redis fails once at most. Returns their source."""
    reader = reader or harness.reader()
    groups = list(harness.store.groups("a", NOW))
    with recorded_calls(reader._index._client) as calls:
        by_group = members(reader, groups, NOW)

    assert by_group == expected
    # The client gives up within half a second (tests of the client), so a reader waits once for that.
    assert calls.count(False) <= 1, calls
    return reader._breaker.reason or "redis"


def kill(harness):
    harness.server.kill()


def pause(harness):
    harness.server.pause()


def flush(harness):
    harness.operator.flushall()


def wrong_password(harness):
    harness.reader_client.close()
    harness.reader_client.login.password = "wrong"


def changed_password(harness):
    """The server keeps open connections, and refuses new ones."""
    harness.operator.config_set("requirepass", "another")
    harness.reader_client.close()


def other_run(harness):
    """A restart, at once and without any data."""
    harness.server.kill()
    harness.server.run()


def replica(harness):
    harness.operator.replicaof("127.0.0.1", "9")


def promoted(harness):
    """A promoted replica may lack writes; it has another replication id."""
    harness.operator.replicaof("127.0.0.1", "9")
    harness.operator.replicaof("NO", "ONE")


def building(harness):
    harness.operator.hset("deals:meta", "state", "building")


def other_format(harness):
    harness.operator.hset("deals:meta", "format", "0")


def unmaintained(harness):
    harness.operator.hset("deals:meta", "tended_at", NOW - 301)


def lagging(harness):
    harness.clock.now = NOW - 31
    harness.connections.add(connection("late"))
    harness.store.subscribe("late", "b", "{}", NOW)
    harness.clock.now = NOW


FAULTS = {
    kill: "refused",
    pause: "timeout",
    flush: "not_ready",
    wrong_password: "login",
    changed_password: "login",
    other_run: "not_ready",
    replica: "not_primary",
    promoted: "other_server",
    building: "not_ready",
    other_format: "not_ready",
    unmaintained: "untended",
    lagging: "behind",
}


@pytest.mark.parametrize(
    ("break_it", "reason", "connected"),
    [(*fault, True) for fault in FAULTS.items()]
    + [(kill, "refused", False), (pause, "timeout", False), (flush, "not_ready", False)],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_event_is_read_from_dynamodb_within_a_second(broken, break_it, reason, connected, published):
    if not connected:
        broken.reader_client.close()
    break_it(broken)
    source = read(broken)

    assert source == reason or (connected and break_it in {kill, other_run} and source == "closed")
    assert published() == {("RedisFallbacks",): [1], ("RedisFallbacks", source): [1]}
    assert broken.health.last() == Health("down", NOW)


def test_server_that_loads_its_data_is_not_waited_for(broken, monkeypatch):
    # A server that loads looks at its clients each 2 MB, here after each key: twenty times a second.
    broken.operator.config_set("rdbcompression", "no")
    for number in range(60):
        broken.operator.set(f"filler-{number}", "x" * 2_200_000)
    broken.operator.save()
    configuration = broken.server._configuration()
    monkeypatch.setattr(broken.server, "_configuration", lambda: configuration + "key-load-delay 50000\n")
    broken.server.kill()
    broken.server.run()

    assert read(broken) in {"closed", "loading"}
    assert read(broken) == "loading"


@pytest.mark.parametrize("harm", [flush, building, promoted])
@pytest.mark.parametrize("rebuilt", [False, True])
def test_index_that_vanishes_between_two_pipelines_loses_no_member(broken, harm, rebuilt):
    class Interrupted(RedisClient):
        calls = 0

        def execute(self, commands):
            self.calls += 1
            if self.calls == 2:
                harm(broken)
                if rebuilt:
                    broken.build()
            return super().execute(commands)

    reader = broken.reader(redis_client(broken.server, kind=Interrupted), commands_max=4)

    expected = {flush: "not_ready", building: "not_ready", promoted: "other_server"}[harm]
    assert read(broken, reader) == ("changed" if rebuilt else expected)


def test_flush_within_a_pipeline_loses_no_member(broken):
    class Interrupted(RedisClient):
        def execute(self, commands):
            half = len(commands) // 2
            return super().execute([*commands[:half], ("FLUSHALL",), *commands[half:]])

    assert read(broken, broken.reader(redis_client(broken.server, kind=Interrupted))) == "not_ready"


def test_replies_that_trickle_in_are_not_waited_for(broken):
    """Each byte is in time, but the reply never ends."""
    listener = socket.create_server(("127.0.0.1", 0))

    def trickle():
        peer, _ = listener.accept()
        with peer:
            try:
                while True:
                    time.sleep(0.2)
                    peer.sendall(b"+")
            except OSError:
                return

    threading.Thread(target=trickle, daemon=True).start()
    client = RedisClient(RedisAddress("127.0.0.1", listener.getsockname()[1], tls=False), NoCredentials())
    assert read(broken, broken.reader(client)) == "timeout"
    client.close()
    listener.close()


def test_server_that_does_not_speak_redis_is_not_used(broken):
    listener = socket.create_server(("127.0.0.1", 0))

    def answer():
        peer, _ = listener.accept()
        with peer:
            peer.recv(65536)
            peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    threading.Thread(target=answer, daemon=True).start()
    client = RedisClient(RedisAddress("127.0.0.1", listener.getsockname()[1], tls=False), NoCredentials())
    assert read(broken, broken.reader(client)) == "protocol"
    listener.close()


def test_event_while_redis_is_full_reaches_all_members(broken):
    """The index can be read, and a change that cannot be written to it is pending."""
    broken.operator.config_set("maxmemory", "1")
    broken.connections.add(connection("late"))
    broken.store.subscribe("late", "a", FILTERS[0], NOW)

    group = group_id("a", FILTERS[0])
    assert read(broken, expected=EXPECTED | {group: ["c0", "c12", "late"]}) == "redis"


def test_redis_that_fails_is_avoided_for_longer_and_longer_and_then_used_again(broken):
    reader = broken.reader()
    broken.server.pause()
    assert read(broken, reader) == "timeout"
    for seconds in (2, 4, 8, 16, 30, 30):
        broken.timer.now += seconds - 0.01
        with recorded_calls(reader._index._client) as calls:
            read(broken, reader)
        assert not calls
        broken.timer.now += 0.01
        assert read(broken, reader) == "timeout"
    broken.server.resume()
    broken.clock.now += 10
    assert read(broken, reader) == "timeout", "it is not asked again before the pause ends"
    broken.timer.now += 30
    assert read(broken, reader) == "redis"
    assert broken.health.last() == Health("up", NOW + 10)


def test_health_is_reported_once_in_ten_seconds(broken):
    reader = broken.reader()
    broken.server.pause()
    read(broken, reader)
    broken.clock.now += 9
    read(broken, reader)
    assert broken.health.last() == Health("down", NOW)
    broken.clock.now += 1
    read(broken, reader)
    assert broken.health.last() == Health("down", NOW + 10)
    broken.server.resume()


def test_event_for_few_shards_is_read_from_dynamodb_at_once(broken):
    reader = broken.reader(shards_min=13)
    broken.server.kill()
    assert read(broken, reader) == "redis", "Redis was never asked"


def test_connection_that_the_server_closed_while_idle_is_opened_again(broken):
    broken.operator.client_kill_filter(_type="normal", skipme=True)
    assert read(broken) == "redis"
